import { readFileSync } from 'node:fs'
import type { Container } from '../containers/container.ts'
import type { ContainerOptions } from '../containers/options.ts'
import type { ContainerSpec } from '../containers/spec.ts'
import { isAirplantError } from '../errors.ts'
import type { OnProgress } from '../images/progress.ts'
import { SESSION_NETWORK } from '../networks/session-network-name.ts'
import { parseSignal } from '../rootless/signals.ts'
import { attachStreams, requireTerminal } from './attach-streams.ts'
import { forwardSignals } from './forward-signals.ts'
import { printText } from './print-text.ts'
import { parseRun } from './run-flags.ts'

const STOP_TIMEOUT = 10_000

/**
 * `airplant run`: runs a container in the foreground; resolves with its exit code. Whatever is left then goes when this process ends:
 * the keeper sees its connection close.
 *
 * @throws {AirplantError} as `withContainer` does
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  const request = parseRun(args, { env: process.env, readText: (path) => readFileSync(path, 'utf8') })
  if (!request) return await (await import('./help-command.ts')).helpCommand(['run'])
  const { options: asked } = request
  const given = asked.tty ? { ...asked, tty: await requireTerminal(asked.stdin ?? false) } : asked
  const { placeFor } = await import('./run-session.ts')
  // The keeper boots while the rest is imported.
  const starting = placeFor(given, process.env)
  starting.catch(() => undefined)
  const { prepareContainer, previewPlan, startContainer } = await import('../containers/create-container.ts')
  const onProgress = request.quiet ? undefined : await progressOf(given)
  const { session, options } = await starting
  const around = { session, env: process.env, cwd: process.cwd(), began: 0, onProgress }
  const wanted = withNetwork({ ...options, attach: true })
  const isDefault = options.egress === undefined
  if (request.printPlan) {
    const plan = await orWithoutEgress(isDefault, wanted, (each) => previewPlan(each, around))
    await printText(`${plan.describe()}\n`)
    return 0
  }
  const ready = await prepareContainer(wanted, around)
  const start = (spec: ContainerSpec): Promise<Container> => startContainer({ ...ready, spec }, around)
  return await attach(await orWithoutEgress(isDefault, ready.spec, start), options)
}

/** As docker has it: on a network, and with a way out, unless something else was said. */
function withNetwork(options: ContainerOptions): ContainerOptions {
  const { network = SESSION_NETWORK, egress } = options
  const isShared = typeof network === 'object' && 'container' in network
  if (network === 'none' || network === 'host' || isShared) return options
  return { ...options, network, egress: egress ?? true }
}

/** A way out that nobody asked for may be missing: no program for it is installed, or the network is internal. */
async function orWithoutEgress<O extends Pick<ContainerOptions, 'egress'>, T>(
  isDefault: boolean,
  options: O,
  run: (options: O) => Promise<T>,
): Promise<T> {
  try {
    return await run(options)
  } catch (error) {
    if (!isDefault || !isAirplantError(error) || error.code !== 'ERR_EGRESS_UNAVAILABLE') throw error
    return await run({ ...options, egress: false })
  }
}

/** Only an image of a registry can have to be waited for. */
async function progressOf({ image }: ContainerOptions): Promise<OnProgress | undefined> {
  if (typeof image !== 'string' || image === 'host') return undefined
  const { ProgressDisplay } = await import('./show-progress.ts')
  return new ProgressDisplay(process.stderr, process.env).show
}

async function attach(container: Container, options: ContainerOptions): Promise<number> {
  const signals = forwardSignals(container, {
    stopSignal: parseSignal(options.stopSignal ?? 'SIGTERM'),
    stopTimeout: options.stopTimeout ?? STOP_TIMEOUT,
  })
  if (options.ports) (await import('./announce-ports.ts')).announcePorts(container, options)
  return await attachStreams(container, signals, { tty: Boolean(options.tty), interactive: options.stdin ?? false })
}
