import { randomBytes } from 'node:crypto'
import { accessSync, constants, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { AirplantError } from '../../errors.ts'
import { findOnPath } from '../../rootless/ids/read-id-mapping.ts'
import { Plan } from '../../rootless/protocol/plan.ts'
import type { Session } from '../../rootless/session.ts'
import type { StorageDriver } from '../options.ts'

/** A storage driver, and why it was chosen. */
export interface DriverChoice {
  readonly driver: StorageDriver
  readonly reason: string
}

/**
 * The first driver that works for this state directory, found by really mounting and using it. The verdict is kept beside the sessions for
 * as long as the kernel, the file system and the mapping are the same: a new process does not pay for it again.
 *
 * @param options.again tries again whatever is known. Default false
 */
export async function chooseDriver(
  session: Session,
  env: NodeJS.ProcessEnv,
  options: { again?: boolean } = {},
): Promise<DriverChoice> {
  const file = join(session.stateDirectory, 'storage.json')
  const { dev } = statSync(session.directory)
  const key = `${release()} ${dev} ${session.mapping.method} ${env.PATH ?? ''}`
  const known = options.again ? undefined : readChoice(file, key)
  if (known) return known
  const choice = await probe(session, env)
  writeChoice(file, { key, ...choice })
  return choice
}

/** Tries one driver; the reason why it does not work, or undefined. */
export async function tryDriver(
  session: Session,
  env: NodeJS.ProcessEnv,
  driver: StorageDriver,
): Promise<string | undefined> {
  if (driver === 'overlay') return await tryOverlay(session)
  if (driver === 'fuse-overlayfs') return tryFuse(env)
  return undefined
}

/** An error for a driver that was asked for and does not work. */
export function driverError(driver: StorageDriver, reason: string): AirplantError {
  return new AirplantError({
    code: 'ERR_STORAGE_DRIVER',
    phase: 'create',
    message: `Cannot use the storage driver "${driver}": ${reason}`,
    hint: 'Leave out the storage option, or run "airplant doctor" to see what is missing',
  })
}

async function probe(session: Session, env: NodeJS.ProcessEnv): Promise<DriverChoice> {
  const overlay = await tryOverlay(session)
  if (overlay === undefined) return { driver: 'overlay', reason: 'a test mount worked' }
  const fuse = tryFuse(env)
  if (fuse === undefined) return { driver: 'fuse-overlayfs', reason: `overlay does not work: ${overlay}` }
  return { driver: 'copy', reason: `overlay does not work: ${overlay}; fuse-overlayfs neither: ${fuse}` }
}

async function tryOverlay(session: Session): Promise<string | undefined> {
  const scratch = join(session.directory, 'containers', `probe-${randomBytes(4).toString('hex')}`)
  const plan = new Plan().hostMkdir(scratch, 0o700).probeOverlay(scratch)
  try {
    const helper = await session.client.spawn({ kind: 'helper', scratch, plan })
    const { exitCode } = await helper.wait()
    return exitCode === 0 ? undefined : `the probe ended with ${exitCode}`
  } catch (error) {
    return (error as Error).message
  }
}

function tryFuse(env: NodeJS.ProcessEnv): string | undefined {
  if (!findOnPath('fuse-overlayfs', env.PATH)) return 'fuse-overlayfs is not installed'
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
    return undefined
  } catch (error) {
    return `/dev/fuse cannot be opened (${(error as NodeJS.ErrnoException).code})`
  }
}

function readChoice(file: string, key: string): DriverChoice | undefined {
  try {
    const known = JSON.parse(readFileSync(file, 'utf8')) as { key: string } & DriverChoice
    return known.key === key ? { driver: known.driver, reason: known.reason } : undefined
  } catch {
    return undefined
  }
}

// Losing it costs a probe, so a directory that cannot be written to is no error.
function writeChoice(file: string, choice: object): void {
  try {
    const temporary = `${file}.${process.pid}`
    writeFileSync(temporary, JSON.stringify(choice), { mode: 0o600 })
    renameSync(temporary, file)
  } catch {
    // Probed again next time.
  }
}
