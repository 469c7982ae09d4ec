import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { isAirplantError } from '../../errors.ts'
import { mapText } from '../ids/id-mapping.ts'
import type { Extent, IdMapping } from '../ids/id-mapping.ts'
import { readIdMapping } from '../ids/read-id-mapping.ts'
import type { ProbeResult } from './check.ts'

const run = promisify(execFile)

/** Makes a user namespace and maps subordinate IDs into it, as the keeper will. */
export async function probeMaps(env: NodeJS.ProcessEnv): Promise<ProbeResult> {
  let mapping: IdMapping
  try {
    mapping = readIdMapping('subordinate', env)
  } catch (error) {
    return { ok: false, step: String(isAirplantError(error) ? error.message : error).split('\n')[0] }
  }
  const child = spawn('unshare', ['--user', 'sh', '-c', 'echo ready; read _'], { stdio: ['pipe', 'pipe', 'ignore'] })
  try {
    const isReady = await Promise.race([
      once(child.stdout, 'data').then(() => true),
      once(child, 'exit').then(() => false),
    ])
    if (!isReady || child.pid === undefined) return { ok: false, step: 'unshare' }
    return await applyMaps(child.pid, mapping)
  } catch {
    return { ok: false, untried: 'unshare(1) is not there' }
  } finally {
    child.kill('SIGKILL')
  }
}

async function applyMaps(pid: number, { uids, gids, programs }: IdMapping): Promise<ProbeResult> {
  if (programs) {
    return (
      (await runMapper(programs.newuidmap, pid, uids)) ??
      (await runMapper(programs.newgidmap, pid, gids)) ?? { ok: true }
    )
  }
  try {
    writeFileSync(`/proc/${pid}/gid_map`, mapText(gids))
    writeFileSync(`/proc/${pid}/uid_map`, mapText(uids))
    return { ok: true }
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    return { ok: false, errno: code, step: path }
  }
}

async function runMapper(program: string, pid: number, extents: readonly Extent[]): Promise<ProbeResult | undefined> {
  try {
    await run(program, [String(pid), ...mapText(extents).trim().split(/\s+/)], { timeout: 10_000 })
    return undefined
  } catch (error) {
    const { message, stderr = message } = error as Error & { stderr?: string }
    return { ok: false, errno: /not permitted/.test(stderr) ? 'EPERM' : 'EINVAL', step: stderr.trim() }
  }
}
