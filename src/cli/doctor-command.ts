import type { CheckResult } from '../rootless/doctor/check.ts'
import { chooseDriver } from '../containers/storage/choose-driver.ts'
import { defaultSession, disposeDefaultSession } from '../rootless/default-session.ts'
import { formatDoctor, formatDoctorJson } from '../rootless/doctor/format-doctor.ts'
import { hasFailed, runDoctor } from '../rootless/doctor/run-doctor.ts'
import { resolveKeeper } from '../rootless/keeper-binary.ts'
import { stateDirectory } from '../rootless/state-directory.ts'
import { tryContainers } from './try-containers.ts'
import type { Command } from './command.ts'
import { printText } from './print-text.ts'

/** `airplant doctor [--json]`; the exit code is 1 when containers cannot start here. */
export const doctorCommand: Command = {
  name: 'doctor',
  usage: '[--json]',
  about: `Tries what containers need: user namespaces, ID maps, storage, fuse, tun, limits; and last a container, a network and a way out of it.
Each thing that does not work comes with the command that mends it. Exit code: 1 when containers cannot start here, else 0.`,
  flags: [{ name: 'json', help: 'Print the results as JSON' }],
  words: [0, 0],
  async run(line) {
    const results = await examine(process.env)
    const color = process.stdout.isTTY && !process.env['NO_COLOR']
    await printText(line.isOn('json') ? formatDoctorJson(results) : formatDoctor(results, { color }))
    return hasFailed(results) ? 1 : 0
  },
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
    return [...results, ...(await tryContainers(env))]
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
