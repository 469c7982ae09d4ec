import { readFileSync, realpathSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { parseCpuList } from '../rootless/masked-paths.ts'
import type { HostFacts } from './plan/context.ts'
import { contains } from './plan/host-image.ts'

/** Gathers what the host image needs; a few small reads, once per session. */
export function gatherHostFacts(env: NodeJS.ProcessEnv, stateDirectory: string): Omit<HostFacts, 'cwd'> {
  const homes = [env['HOME'], accountHome()].filter(
    (home): home is string => !!home && home !== '/' && home.startsWith('/'),
  )
  const hidden = [...new Set([...homes, ...homes.map(real), stateDirectory, real(stateDirectory)])]
  return {
    hidden,
    nodeDirectory: dirname(real(process.execPath)),
    resolvConf: readText('/etc/resolv.conf'),
    cpus: parseCpuList(readText('/sys/devices/system/cpu/possible')),
  }
}

/**
 * The working directory to show in the host image, or undefined: a home, or what contains one, would show its secrets, and the system's own
 * directories are there already.
 */
export function showableCwd(cwd: string, hidden: readonly string[]): string | undefined {
  const path = real(cwd)
  const homes = [...hidden, '/root', '/home', '/tmp', '/run', '/var/tmp']
  return homes.some((home) => contains(path, home)) || path === '/' ? undefined : path
}

function accountHome(): string | undefined {
  try {
    return userInfo().homedir
  } catch {
    // An ID without an account, as in some CI containers.
    return undefined
  }
}

function real(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    return path
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
