// A copy of the checkout that belongs to the account: it could neither write in root's, nor always read it.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

const notSources = new Set(['.git', 'node_modules', 'dist', 'results', 'coverage', '.cache', '.vitest'])

/**
 * `{ directory, checkout, home, path }`: a fresh directory below /var/tmp (a disk, where /tmp may be memory), in it the
 * sources as they are now, node_modules and dist; an empty home; and a PATH with a node that the account can run.
 */
export function copyFor(account, root) {
  const directory = mkdtempSync('/var/tmp/airplant-')
  try {
    return { directory, ...fill(directory, account, root) }
  } catch (error) {
    rmSync(directory, { recursive: true })
    throw error
  }
}

/** Ends what a failed run left of the programs in the copy, by the directory that is nobody else's, and removes it. */
export function removeCopy({ directory }) {
  const left = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && programOf(name).startsWith(`${directory}/`))
  if (left.length > 0) console.log(`Ending ${left.length} processes that the tests left: ${left.join(' ')}`)
  for (const pid of left) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // The end of another one has ended it.
    }
  }
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
}

/** As its arguments say: the keeper runs from a copy in memory, which names no file. */
function programOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]
  } catch {
    return ''
  }
}

function fill(directory, account, root) {
  chmodSync(directory, 0o755)
  const checkout = join(directory, 'checkout')
  const home = join(directory, 'home')
  mkdirSync(join(checkout, 'results'), { recursive: true })
  mkdirSync(home, { mode: 0o700 })
  copySources(root, checkout)
  for (const name of ['node_modules', 'dist']) {
    if (existsSync(join(root, name))) run('cp', [...copyFlags, '-H', name, `${checkout}/`], root)
  }
  const path = pathWithNode(account, directory)
  run('chown', ['-R', '-h', `${account.uid}:${account.gid}`, checkout, home], '/')
  chownSync(directory, account.uid, account.gid)
  return { checkout, home, path }
}

const copyFlags = ['-dR', '--preserve=mode,timestamps,links', '--reflink=auto']

function copySources(root, checkout) {
  const files = sources(root)
  // The kernel bounds the size of one command line.
  for (let at = 0; at < files.length; at += 500) {
    run('cp', [...copyFlags, '--parents', '-t', checkout, '--', ...files.slice(at, at + 500)], root)
  }
}

/** What git knows or would know, as it is in the working tree; all but build products where there is no git. */
function sources(root) {
  const git = ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { status, stdout } = spawnSync('git', git, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 })
  const isOwnCheckout = status === 0 && existsSync(join(root, '.git'))
  const files = isOwnCheckout ? [...new Set(stdout.split('\0'))].filter(Boolean) : walk(root, '')
  return files.filter((file) => lstatSync(join(root, file), { throwIfNoEntry: false }))
}

function walk(root, folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (folder === '' && notSources.has(entry.name)) return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? walk(root, path) : [path]
  })
}

/** Node may be installed below /root, where the account cannot go; then it (and npm) come along. */
function pathWithNode(account, directory) {
  const path = reachable(account, (process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin').split(':')).join(':')
  const found = as(account, path, 'node', '--version')
  return found === process.version ? path : `${copyNode(directory)}:${path}`
}

/** A directory in PATH that may not be searched turns "not found" into "permission denied". */
function reachable(account, directories) {
  const script = 'for directory; do [ -x "$directory" ] && printf "%s\\n" "$directory"; done; :'
  return as(account, '/usr/bin:/bin', 'sh', '-c', script, 'sh', ...directories)
    .split('\n')
    .filter(Boolean)
}

function as({ uid, gid }, path, ...command) {
  const ids = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups']
  const { stdout } = spawnSync('setpriv', [...ids, ...command], { cwd: '/', env: { PATH: path }, encoding: 'utf8' })
  return (stdout ?? '').trim()
}

function copyNode(directory) {
  const prefix = join(directory, 'node')
  const bin = join(prefix, 'bin')
  mkdirSync(join(prefix, 'lib', 'node_modules'), { recursive: true })
  mkdirSync(bin)
  const node = realpathSync(process.execPath)
  run('cp', [...copyFlags, node, join(bin, 'node')], '/')
  const npm = join(dirname(node), '..', 'lib', 'node_modules', 'npm')
  if (existsSync(npm)) {
    run('cp', [...copyFlags, npm, join(prefix, 'lib', 'node_modules')], '/')
    for (const name of ['npm', 'npx']) run('ln', ['-s', `../lib/node_modules/npm/bin/${name}-cli.js`, name], bin)
  }
  return bin
}

function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error(`Cannot copy the checkout: ${command} ${error ? error.message : 'failed'}`)
}
