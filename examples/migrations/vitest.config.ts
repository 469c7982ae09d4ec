import { containers } from 'airplant/vitest/plugin'
import { defineConfig } from 'vitest/config'

export default defineConfig({ plugins: [containers({})] })
