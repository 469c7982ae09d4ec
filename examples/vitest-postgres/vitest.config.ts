import { postgres } from 'airplant/presets'
import { containers } from 'airplant/vitest/plugin'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [
    containers({
      // One server for all test files, started before the first test. The first run that there ever is initialises it and runs the
      // schema; what that made is kept, and every later run mounts it.
      services: { db: { ...postgres({ image: 'postgres:15', init: 'schema.sql' }), prepare: true } },
    }),
  ],
})
