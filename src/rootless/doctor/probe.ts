import { execFile } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { promisify } from 'node:util'
import type { ProbeName, ProbeResult } from './check.ts'
import { probeMaps } from './probe-maps.ts'

const run = promisify(execFile)
const TIMEOUT = 10_000

const NAMESPACES = ['--user', '--map-root-user', '--mount', '--pid', '--net', '--ipc', '--uts', '--cgroup', '--fork']

const ERRNO: readonly (readonly [string, string])[] = [
  ['Operation not permitted', 'EPERM'],
  ['Permission denied', 'EACCES'],
  ['No space left on device', 'ENOSPC'],
  ['Too many users', 'EUSERS'],
  ['Invalid argument', 'EINVAL'],
  ['Function not implemented', 'ENOSYS'],
]

/**
 * Tries one thing in a child process: by the keeper, or, where there is none yet, by util-linux's unshare(1).
 *
 * @param keeper - path of the keeper's program
 */
export async function probeMachine(
  name: ProbeName,
  keeper: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<ProbeResult> {
  switch (name) {
    case 'userns':
      return withoutProc(await askKeeper(keeper, 'maps')) ?? (await tryUnshare([]))
    case 'proc':
      return (await askKeeper(keeper, 'maps')) ?? (await tryUnshare(['--mount-proc']))
    case 'maps':
      return probeMaps(env)
    case 'tun':
      return (await askKeeper(keeper, name)) ?? tryOpen('/dev/net/tun')
    case 'fuse':
      return (await askKeeper(keeper, name)) ?? tryOpen('/dev/fuse')
  }
}

async function askKeeper(keeper: string | undefined, name: string): Promise<ProbeResult | undefined> {
  if (keeper === undefined) return undefined
  const options = { encoding: 'utf8', timeout: TIMEOUT } as const
  // It exits with 1 when the answer is no; the answer is on stdout all the same.
  const { stdout } = await run(keeper, ['--probe', name], options).catch(
    (error: unknown) => error as { stdout?: string },
  )
  try {
    const answer = JSON.parse(stdout ?? '') as ProbeResult
    return typeof answer.ok === 'boolean' ? answer : undefined
  } catch {
    return undefined
  }
}

// The keeper's probe goes on after the namespaces: maps, mounts, and last a fresh /proc, which is a question of its own.
function withoutProc(result: ProbeResult | undefined): ProbeResult | undefined {
  return result?.step === 'proc' ? { ok: true } : result
}

async function tryUnshare(extra: readonly string[]): Promise<ProbeResult> {
  const options = { encoding: 'utf8', timeout: TIMEOUT, env: { ...process.env, LC_ALL: 'C' } } as const
  try {
    await run('unshare', [...NAMESPACES, ...extra, 'true'], options)
    return { ok: true }
  } catch (error) {
    const { syscall, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string }
    if (syscall?.startsWith('spawn')) return { ok: false, untried: 'neither the keeper nor unshare(1) is there' }
    return readUnshareError(stderr)
  }
}

/** What unshare(1) says on stderr as a result. */
export function readUnshareError(stderr: string): ProbeResult {
  const errno = ERRNO.find(([words]) => stderr.includes(words))?.[1]
  const map = /(uid_map|gid_map|setgroups)/.exec(stderr)?.[1]
  const step =
    map ?? (/mount \/proc/.test(stderr) ? 'mount proc' : /mount|propagation/.test(stderr) ? 'mount' : 'unshare')
  return { ok: false, errno, step }
}

function tryOpen(path: string): ProbeResult {
  try {
    closeSync(openSync(path, 'r+'))
    return { ok: true }
  } catch (error) {
    return { ok: false, errno: (error as NodeJS.ErrnoException).code, step: `open ${path}` }
  }
}
