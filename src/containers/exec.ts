import type { Readable, Writable } from 'node:stream'
import { AirplantError } from '../errors.ts'
import { clearTimer, setTimer } from '../rootless/clock.ts'
import type { KeeperProcess } from '../rootless/keeper-client.ts'
import { Plan } from '../rootless/protocol/plan.ts'
import { parseSignal, signalName } from '../rootless/signals.ts'
import { checkOptions } from '../rootless/check-options.ts'
import { execShape } from './option-shapes.ts'
import { parseCommand, parseEnv, parseMilliseconds, parseTarget, parseTty, parseUser } from './option-parsers.ts'
import { planProcess, planTerminal } from './plan/process-plan.ts'
import type { ProcessCommons } from './plan/process-plan.ts'

/** How a command is run in a container. */
export interface ExecOptions {
  /** Added to the container's environment. */
  readonly env?: Readonly<Record<string, string>>
  /** As the container's `user`. @default the container's */
  readonly user?: string
  /** @default the container's */
  readonly workdir?: string
  /** What the command reads as its input. @default nothing */
  readonly stdin?: string | Uint8Array
  /** @default false */
  readonly tty?: boolean | { readonly rows: number; readonly columns: number }
  /** Milliseconds until the command is killed. @default none */
  readonly timeout?: number
  /** Aborting kills the command. */
  readonly signal?: AbortSignal
}

/** How a command ended and what it wrote. */
export interface ExecResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null
  /** `'SIGKILL'`, or null when it exited. */
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
  /** Both, in the order in which they were written. */
  readonly output: string
}

/** A running command with streams. */
export interface ExecProcess extends AsyncDisposable {
  readonly stdin: Writable
  readonly stdout: Readable
  /** Empty with a terminal, which has one output. */
  readonly stderr: Readable
  /** Settles when the command has ended and its output was delivered; rejects when its timeout or signal killed it. */
  readonly exited: Promise<{ exitCode: number | null; signal: string | null }>
  resize(rows: number, columns: number): Promise<void>
  kill(signal?: string | number): Promise<void>
}

/** The plan of a command in a running container: it joins, and then goes through the same security steps. */
export function execPlan(main: ProcessCommons, argv: readonly string[], options: ExecOptions): Plan {
  checkOptions('an exec', options, execShape)
  if (options.timeout !== undefined) parseMilliseconds('timeout of an exec', options.timeout)
  const plan = new Plan()
  const process = {
    ...main,
    argv: parseCommand(argv),
    env: { ...main.env, ...parseEnv(options.env ?? {}) },
    user: options.user === undefined ? main.user : parseUser(options.user),
    groups: options.user === undefined ? main.groups : [],
    workdir: options.workdir === undefined ? main.workdir : parseTarget('workdir', options.workdir),
    tty: parseTty(options.tty),
    console: false,
    init: false,
  }
  planTerminal(plan, process)
  planProcess(plan, process)
  return plan
}

/** What ends a command before its time, and a function that forgets about it. */
interface Bounds {
  /** Why it was killed, undefined when it was not. */
  readonly cut: () => AirplantError | undefined
  readonly release: () => void
}

function boundExec(process: KeeperProcess, argv: readonly string[], { timeout, signal }: ExecOptions): Bounds {
  let cut: AirplantError | undefined
  const kill = (error: AirplantError): void => {
    cut ??= error
    process.signal(9).catch(() => undefined)
  }
  const timer = timeout === undefined ? undefined : setTimer(() => kill(timedOut(argv, timeout)), timeout)
  const abort = (): void => kill(aborted(argv, signal))
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort, { once: true })
  const release = (): void => {
    clearTimer(timer)
    signal?.removeEventListener('abort', abort)
  }
  return { cut: () => cut, release }
}

/** Waits for a command with its deadline and signal; the fast path has neither and makes no streams. */
export async function collectExec(
  process: KeeperProcess,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const { stdin } = options
  const bounds = boundExec(process, argv, options)
  try {
    const { exitCode, signal: number, ...output } = await process.collect(stdin === undefined ? {} : { stdin })
    const texts = {
      stdout: output.stdout.toString(),
      stderr: output.stderr.toString(),
      output: output.output.toString(),
    }
    const cut = bounds.cut()
    if (cut) throw withOutput(cut, texts.output)
    return { exitCode, signal: number === null ? null : (signalName(number) ?? `${number}`), ...texts }
  } finally {
    bounds.release()
  }
}

/** A running command with its streams. The same bounds hold; what they cut rejects `exited`. */
export function streamExec(process: KeeperProcess, argv: readonly string[], options: ExecOptions): ExecProcess {
  const bounds = boundExec(process, argv, options)
  if (options.stdin !== undefined) {
    process.writeStdin(options.stdin).catch(() => undefined)
    process.closeStdin()
  }
  const exited = process
    .wait()
    .finally(bounds.release)
    .then(({ exitCode, signal: number }) => {
      const cut = bounds.cut()
      if (cut) throw cut
      return { exitCode, signal: number === null ? null : (signalName(number) ?? `${number}`) }
    })
  // Whoever does not wait for the end need not handle its failure either.
  exited.catch(() => undefined)
  return {
    stdin: process.stdinStream(),
    stdout: process.stdoutStream(),
    stderr: process.stderrStream(),
    exited,
    resize: (rows, columns) => process.resize(rows, columns),
    kill: (signal = 'SIGTERM') => process.signal(parseSignal(signal)),
    [Symbol.asyncDispose]: () => process.remove(),
  }
}

function timedOut(argv: readonly string[], timeout: number): AirplantError {
  return new AirplantError({
    code: 'ERR_EXEC_TIMEOUT',
    phase: 'exec',
    message: `Cannot wait longer for "${argv.join(' ')}": it was killed after ${timeout} ms`,
    hint: 'Give a longer timeout, or look at what it wrote',
    elapsed: timeout,
  })
}

function aborted(argv: readonly string[], signal: AbortSignal | undefined): AirplantError {
  return new AirplantError({
    code: 'ERR_ABORTED',
    phase: 'exec',
    message: `Cannot finish "${argv.join(' ')}": the caller aborted, it was killed`,
    hint: 'This is what the signal option is for',
    cause: signal?.reason,
  })
}

function withOutput(error: AirplantError, output: string): AirplantError {
  return output === '' ? error : error.extended({ logTail: output.slice(-2000) })
}
