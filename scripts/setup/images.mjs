// The test images: built once by test/images/debian, kept in a cache, served by a registry on the loopback.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fetchLists } from './packages.mjs'
import { startRegistry } from './registry.mjs'

const scripts = join(import.meta.dirname, '../../test/images/debian')
const unusedDays = 7

/**
 * Builds what is missing and starts the registry. Gives `{ env, stop }`, the variables by which tests find it. A registry
 * that the environment names already is used instead. `ids` and `port` are `startRegistry`'s.
 */
export async function serveImages({ ids, port } = {}) {
  if (process.env.AIRPLANT_TEST_REGISTRY) return { env: variables(process.env.AIRPLANT_TEST_REGISTRY), stop() {} }
  const directory = await builtImages()
  const { address, stop } = await startRegistry({ storage: join(directory, 'registry'), ids, port })
  return { env: variables(address), stop }
}

/** The directory of the images that these scripts make, after building it where it is missing. */
export async function builtImages() {
  const cache = cacheDirectory()
  const directory = join(cache, keyOf(scripts))
  if (!existsSync(directory)) {
    console.log(`Building the test images, once, in ${directory}`)
    mkdirSync(cache, { recursive: true })
    if (process.getuid() === 0) fetchLists()
    await build(cache, directory)
    removeUnused(cache, directory)
  }
  const now = new Date()
  utimesSync(directory, now, now)
  return directory
}

function variables(address) {
  return { AIRPLANT_REGISTRY_MIRROR: `docker.io=http://${address}`, AIRPLANT_TEST_REGISTRY: address }
}

function cacheDirectory() {
  const name = 'airplant-test-images'
  const usual = process.getuid() === 0 ? join('/var/cache', name) : join(homedir(), '.cache', name)
  return process.env.AIRPLANT_TEST_IMAGES || usual
}

/** Of everything that the scripts are, and of the release and the processor that they build for. */
function keyOf(folder) {
  const hash = createHash('sha256').update(process.arch).update(readFileSync('/etc/os-release'))
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const stat = statSync(join(folder, name))
    if (stat.isFile()) hash.update(`\0${name}\0${stat.mode & 0o100}\0`).update(readFileSync(join(folder, name)))
  }
  return hash.digest('hex').slice(0, 16)
}

/**
 * One at a time: who waited finds the work done. The namespaces take the mounts and every process along, also when we
 * are killed; in an ordinary user's, the mapped root may do what the packages' scripts do.
 */
async function build(cache, directory) {
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const ofUser = process.getuid() === 0 ? [] : ['--user', '--map-auto', '--map-root-user']
  const builder = [process.execPath, join(scripts, 'build.mjs'), directory]
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'flock', '--no-fork', join(cache, 'lock'), 'unshare', ...ofUser, ...namespaces, ...builder],
    { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } },
  )
  // unshare itself ignores the terminal's signals, and its child is a pid 1.
  const kill = () => child.kill('SIGKILL')
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, kill)
  const how = await new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal))
    child.once('error', (error) => resolve(error.message))
  })
  for (const signal of signals) process.off(signal, kill)
  if (how !== 0) throw new Error(`Cannot build the test images: the builder ended with ${how}; its own words are above`)
}

function removeUnused(cache, directory) {
  const limit = Date.now() - unusedDays * 24 * 3600 * 1000
  for (const name of readdirSync(cache)) {
    const path = join(cache, name)
    if (!/^[0-9a-f]{16}$/.test(name) || path === directory || statSync(path).mtimeMs > limit) continue
    rmSync(path, { recursive: true, force: true })
  }
}
