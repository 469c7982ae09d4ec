import type { CheckResult } from '../rootless/doctor/check.ts'
import { chooseDriver } from '../containers/storage/choose-driver.ts'
import { defaultSession, disposeDefaultSession } from '../rootless/default-session.ts'
import { formatDoctor, formatDoctorJson } from '../rootless/doctor/format-doctor.ts'
import { hasFailed, runDoctor } from '../rootless/doctor/run-doctor.ts'
import { resolveKeeper } from '../rootless/keeper-binary.ts'
import { stateDirectory } from '../rootless/state-directory.ts'
import { tryContainer } from './try-container.ts'
import { helpCommand } from './help-command.ts'
import { parseFlags } from './parse-flags.ts'
import { printText } from './print-text.ts'
import { usageError } from './usage-error.ts'

const flags = [
  { name: 'json', help: 'Print the results as JSON' },
  { name: 'help', help: 'Print this' },
] as const

/** `airplant doctor [--json]`; the exit code is 1 when containers cannot start here. */
export async function doctorCommand(args: readonly string[]): Promise<number> {
  const given = parseFlags(args, flags)
  if (given.rest[0] !== undefined)
    throw usageError(`Unknown argument "${given.rest[0]}"`, 'Write airplant doctor [--json]')
  const isOn = (name: string): boolean => given.flags.findLast((flag) => flag.name === name)?.value === true
  if (isOn('help')) return await helpCommand(['doctor'])
  const results = await examine(process.env)
  const color = process.stdout.isTTY && !process.env['NO_COLOR']
  await printText(isOn('json') ? formatDoctorJson(results) : formatDoctor(results, { color }))
  return hasFailed(results) ? 1 : 0
}

async function examine(env: NodeJS.ProcessEnv): Promise<CheckResult[]> {
  try {
    const results = await runDoctor({
      env,
      keeper: await findKeeper(env),
      stateDirectory: stateDirectory(env),
      // Whatever was found out earlier: the machine may have changed since.
      probeOverlay: async () => await chooseDriver(await defaultSession(env), env, { again: true }),
    })
    return [...results, await tryContainer(env)]
  } finally {
    await disposeDefaultSession()
  }
}

/** The doctor goes on without, and tries with what the machine has. */
async function findKeeper(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    return await resolveKeeper(env)
  } catch (error) {
    process.stderr.write(`airplant: ${(error as Error).message}\n`)
    return undefined
  }
}
