// vitest 5 and the Node that it needs, for one test: installed once into a cache, because they are too big for what everybody installs.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const packages = ['vitest@5', `node-linux-${process.arch}@24`]
const timeout = 120_000

/**
 * Gives `{ directory, node }`, with vitest in the directory's node_modules and the path of Node; or `{ missing }`, why they are not there.
 */
export function vitest5() {
  const directory = cacheDirectory()
  const installed = {
    directory,
    node: join(directory, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node'),
  }
  if (existsSync(directory)) return installed
  const missing = install(directory)
  return missing ? { missing } : installed
}

/** Beside it first, so that nobody finds a half of it. */
function install(directory) {
  mkdirSync(join(directory, '..'), { recursive: true })
  const fresh = mkdtempSync(`${directory}.`)
  writeFileSync(join(fresh, 'package.json'), '{ "private": true }')
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages]
  const { status, stderr, error } = spawnSync('npm', args, { cwd: fresh, encoding: 'utf8', timeout })
  try {
    if (status !== 0) return `cannot install ${packages.join(' and ')}: ${error?.message ?? lastError(stderr)}`
    renameSync(fresh, directory)
    return undefined
  } catch (failure) {
    // Another process was first.
    if (existsSync(directory)) return undefined
    throw failure
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

function lastError(stderr) {
  return stderr.split('\n').find((line) => /error/i.test(line)) ?? 'npm failed'
}

function cacheDirectory() {
  const name = 'airplant-vitest-5'
  const usual = process.getuid() === 0 ? join('/var/cache', name) : join(homedir(), '.cache', name)
  return process.env.AIRPLANT_VITEST_5 || usual
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(JSON.stringify(vitest5()))
