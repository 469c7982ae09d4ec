import { readFileSync } from 'node:fs'
import type { Container } from '../containers/container.ts'
import type { ContainerOptions } from '../containers/options.ts'
import type { OnProgress } from '../images/progress.ts'
import { parseSignal } from '../rootless/signals.ts'
import { copyOutput } from './copy-output.ts'
import { programExitCode, signalExitCode } from './exit-codes.ts'
import { forwardSignals } from './forward-signals.ts'
import { printText } from './print-text.ts'
import { parseRun } from './run-flags.ts'
import { usageError } from './usage-error.ts'

const SIGKILL = 9
const SIGPIPE = 13
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
  const options = request.options.tty ? await withTerminal(request.options) : request.options
  const { defaultSession } = await import('../rootless/default-session.ts')
  // The keeper boots while the rest is imported.
  const starting = defaultSession()
  starting.catch(() => undefined)
  const { createContainer, previewPlan } = await import('../containers/create-container.ts')
  const onProgress = request.quiet ? undefined : await progressOf(options)
  const around = { session: await starting, env: process.env, cwd: process.cwd(), began: 0, onProgress }
  if (request.printPlan) {
    await printText(`${(await previewPlan(options, around)).describe()}\n`)
    return 0
  }
  const container = await createContainer({ ...options, attach: true }, around)
  return await attach(container, options)
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
  if (options.ports) announcePorts(container, options)
  const restore = options.tty ? await connectTerminal(container, options.stdin ?? false) : undefined
  if (options.stdin) feedInput(container)
  let isCut = false
  const cut = (): void => {
    if (container.exit) return
    isCut = true
    container.signal(SIGKILL).catch(() => undefined)
  }
  try {
    const [exit] = await Promise.all([
      container.wait(),
      copyOutput(container.stdout, () => process.stdout).then((isWhole) => (isWhole ? undefined : cut())),
      copyOutput(container.stderr, () => process.stderr),
    ])
    if (exit.signal === 'SIGKILL' && isCut) return signalExitCode(SIGPIPE)
    if (exit.signal === 'SIGKILL' && signals.fatal !== undefined) return signalExitCode(signals.fatal)
    return programExitCode(exit)
  } finally {
    restore?.()
  }
}

/** Only ports that nobody can know yet; of a pair on 127.0.0.1 and ::1 the first. */
function announcePorts({ publishedPorts, networkMode }: Container, { ports = [] }: ContainerOptions): void {
  if (networkMode === 'host') {
    process.stderr.write('airplant: Published ports are ignored with the network of the host\n')
    return
  }
  const named = typeof ports === 'string' ? [] : ports
  const chosen = new Set(named.map((port) => (typeof port === 'object' && port.host ? port.host : undefined)))
  const seen = new Set<string>()
  for (const { address, host, container } of publishedPorts) {
    const pair = `${host} ${container}`
    if (chosen.has(host) || seen.has(pair)) continue
    seen.add(pair)
    process.stderr.write(`${address.includes(':') ? `[${address}]` : address}:${host} -> ${container}\n`)
  }
}

function feedInput(container: Container): void {
  const input = container.stdin
  // The program may end, or close its input, before it has read everything.
  input.on('error', () => process.stdin.destroy())
  process.stdin.on('error', () => input.end())
  process.stdin.pipe(input)
}

async function withTerminal(options: ContainerOptions): Promise<ContainerOptions> {
  if (options.stdin && !process.stdin.isTTY) {
    throw usageError('Cannot use -t with -i: the input is not a terminal', 'Leave out -t to pipe data in')
  }
  const { outputTerminal, terminalSize } = await import('./terminal.ts')
  return { ...options, tty: terminalSize(outputTerminal()) }
}

async function connectTerminal(container: Container, isInteractive: boolean): Promise<() => void> {
  const { enterRawMode, outputTerminal, terminalSize } = await import('./terminal.ts')
  const terminal = outputTerminal()
  const resize = (): void => {
    const { rows, columns } = terminalSize(terminal)
    container.resize(rows, columns).catch(() => undefined)
  }
  terminal?.on('resize', resize)
  return isInteractive ? enterRawMode() : () => undefined
}
