import type { Readable, Writable } from 'node:stream'
import type { ContainerExit } from '../containers/running-container.ts'
import type { TtySize } from '../containers/option-parsers.ts'
import { copyOutput } from './copy-output.ts'
import { programExitCode, signalExitCode } from './exit-codes.ts'
import type { SignalForwarder } from './forward-signals.ts'
import { usageError } from './usage-error.ts'

const SIGKILL = 9
const SIGPIPE = 13

/** A program in a container that this terminal is to be connected to: the first one, or a command. */
export interface AttachTarget {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Undefined while it runs. */
  readonly exit: ContainerExit | undefined
  wait(): Promise<ContainerExit>
  resize(rows: number, columns: number): Promise<void>
  signal(number: number): Promise<void>
}

/** How it is connected. */
export interface AttachOptions {
  readonly tty: boolean
  readonly interactive: boolean
}

/** Copies what it writes, and what it is to read, until it has ended; resolves with its exit code. */
export async function attachStreams(
  target: AttachTarget,
  signals: SignalForwarder,
  { tty, interactive }: AttachOptions,
): Promise<number> {
  const restore = tty ? await connectTerminal(target, interactive) : undefined
  if (interactive) feedInput(target.stdin)
  let isCut = false
  const cut = (): void => {
    if (target.exit) return
    isCut = true
    target.signal(SIGKILL).catch(() => undefined)
  }
  try {
    const [exit] = await Promise.all([
      target.wait(),
      copyOutput(target.stdout, () => process.stdout).then((isWhole) => (isWhole ? undefined : cut())),
      copyOutput(target.stderr, () => process.stderr),
    ])
    if (exit.signal === 'SIGKILL' && isCut) return signalExitCode(SIGPIPE)
    if (exit.signal === 'SIGKILL' && signals.fatal !== undefined) return signalExitCode(signals.fatal)
    return programExitCode(exit)
  } finally {
    restore?.()
  }
}

/**
 * The size of this terminal, for one of the same size inside.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION` when it is to pass on what is no terminal
 */
export async function requireTerminal(interactive: boolean): Promise<TtySize> {
  if (interactive && !process.stdin.isTTY) {
    throw usageError('Cannot use -t with -i: the input is not a terminal', 'Leave out -t to pipe data in')
  }
  const { outputTerminal, terminalSize } = await import('./terminal.ts')
  return terminalSize(outputTerminal())
}

function feedInput(input: Writable): void {
  // The program may end, or close its input, before it has read everything.
  input.on('error', () => process.stdin.destroy())
  process.stdin.on('error', () => input.end())
  process.stdin.pipe(input)
}

async function connectTerminal(target: AttachTarget, isInteractive: boolean): Promise<() => void> {
  const { enterRawMode, outputTerminal, terminalSize } = await import('./terminal.ts')
  const terminal = outputTerminal()
  const resize = (): void => {
    const { rows, columns } = terminalSize(terminal)
    target.resize(rows, columns).catch(() => undefined)
  }
  terminal?.on('resize', resize)
  return isInteractive ? enterRawMode() : () => undefined
}
