// `npm run bench -- [--only create,exec] [--json FILE]`: the figures. As root they are taken as an ordinary account, in a copy
// of the checkout as for the tests, where podman and crun see the one kind of control groups that they accept.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suitableAccount } from './setup/account.mjs'
import { serveImages } from './setup/images.mjs'
import { copyFor, removeCopy } from './setup/copy.mjs'
import { testcontainersDirectory } from './setup/testcontainers.mjs'
import { asAccount } from './setup/vitest.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const main = join('dist', 'bench', 'main.js')
const args = process.argv.slice(2)

const images = await serveImages({ ids: process.getuid() === 0 ? suitableAccount() : undefined })
Object.assign(process.env, images.env, { AIRPLANT_BENCH_TESTCONTAINERS: testcontainersDirectory() ?? '' })
try {
  process.exitCode =
    process.getuid() === 0 ? benchAsAccount() : bench(process.execPath, [join(root, main), ...args], {})
} finally {
  images.stop()
}

function benchAsAccount() {
  const byRoot = {
    AIRPLANT_BENCH_DOCKER: (isChosen('whole') && asRoot('docker.js')) || '"failed"',
    AIRPLANT_BENCH_TESTCONTAINERS_DOCKER: isChosen('databases') ? asRoot('testcontainers-docker.js') : '',
  }
  const account = suitableAccount()
  const copy = copyFor(account, root)
  try {
    const { command, env } = asAccount(account, copy)
    const own = { cwd: copy.checkout, env: { ...env, ...byRoot } }
    console.log(`As the account ${account.name}`)
    const [program, ...rest] = [...onlyUnifiedCgroups(), ...command, main, ...withJson('results/bench.json')]
    const code = bench(program, rest, own)
    const [json, wanted] = [join(copy.checkout, 'results', 'bench.json'), jsonFile()]
    if (wanted !== undefined && existsSync(json)) cpSync(json, resolve(wanted))
    return code
  } finally {
    removeCopy(copy)
  }
}

/** What has to be measured by root: one line of JSON. */
function asRoot(file) {
  const { stdout } = spawnSync(process.execPath, [join(root, 'dist', 'bench', file)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return stdout
}

function isChosen(name) {
  const at = args.indexOf('--only')
  return at < 0 || (args[at + 1] ?? '').split(',').includes(name)
}

function bench(program, parameters, options) {
  const { status, error } = spawnSync(program, parameters, { stdio: 'inherit', ...options })
  if (error) console.error(error.message)
  return status ?? 1
}

/** A command prefix: in a mount namespace of its own, with cgroup2 alone on /sys/fs/cgroup. */
function onlyUnifiedCgroups() {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return []
  const script = 'umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec "$@"'
  return ['unshare', '--mount', 'sh', '-c', script, 'sh']
}

function jsonFile() {
  const at = args.indexOf('--json')
  return at < 0 ? undefined : args[at + 1]
}

/** The arguments, with another file to write: the account cannot write to root's. */
function withJson(file) {
  const at = args.indexOf('--json')
  return at < 0 ? args : args.with(at + 1, file)
}
