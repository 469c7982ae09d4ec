import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const root = import.meta.dirname

/** Another account's checkout is read-only to us; vite must then keep its files elsewhere. */
const cacheDir = writable(join(root, 'node_modules'))
  ? join(root, 'node_modules', '.vite')
  : join(homedir(), '.cache', 'airplant-vitest')

// Tests named *.root.test.ts are about real root, *.outside.test.ts about what is beyond this machine, which is then a
// world made by scripts/setup/outside.mjs; `npm test` runs both apart.
const isRoot = process.getuid?.() === 0
const isOutside = process.env['AIRPLANT_OUTSIDE'] === '1'
const exclude = [
  '**/node_modules/**',
  'dist/**',
  ...(isRoot ? [] : ['**/*.root.test.ts']),
  ...(isOutside ? [] : ['**/*.outside.test.ts']),
]

export default defineConfig({
  root,
  cacheDir,
  test: {
    pool: 'forks',
    exclude,
    // Machines differ by a factor of four, and are shared.
    testTimeout: 40_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...exclude, 'test/integration/**'],
        },
      },
      {
        extends: true,
        test: { name: 'integration', include: ['test/integration/**/*.test.ts'] },
      },
    ],
  },
})

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
