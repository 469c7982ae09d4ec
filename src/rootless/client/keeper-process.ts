import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { FieldReader } from '../protocol/fields.ts'
import type { Frame } from '../protocol/frames.ts'
import { clientFrames, frameFields, keeperFrames } from '../protocol/frames.ts'
import type { Connection } from './connection.ts'
import type { LogSubscriptions } from './log-subscriptions.ts'
import { OutputChannel } from './output-channel.ts'
import type { ProcessExit } from './process-handle.ts'
import { processExit, ProcessHandle } from './process-handle.ts'
import { StdinChannel } from './stdin-channel.ts'

/** Everything that a process wrote, and how it ended. */
export interface CollectedOutput extends ProcessExit {
  readonly stdout: Buffer
  readonly stderr: Buffer
  /** Both, in the order in which they came. */
  readonly output: Buffer
}

/** What a {@link KeeperProcess} is made from. */
export interface KeeperProcessInit {
  readonly connection: Connection
  readonly subscriptions: LogSubscriptions
  readonly handle: number
  readonly hostPid: number
  readonly ports: readonly number[]
  readonly credit: number
  /** Its output is delivered here, which keeps Node alive until it ends. */
  readonly attached: boolean
}

/** A process that the keeper runs for this client: a container's pid 1, an exec, or a helper. */
export class KeeperProcess extends ProcessHandle implements AsyncDisposable {
  /** Its pid as this process sees it; 0 for an exec or a helper. */
  readonly hostPid: number
  /** Host ports in the order in which they were asked for; 0 for one that was skipped. */
  readonly ports: readonly number[]
  /**
   * Settles when the process ended and all its output arrived. Rejects with ERR_KEEPER_GONE. Alone it does not keep Node alive:
   * {@link KeeperProcess.wait} does.
   */
  readonly exited: Promise<ProcessExit>
  readonly #connection: Connection
  readonly #stdout: OutputChannel
  readonly #stderr: OutputChannel
  readonly #stdin: StdinChannel
  #resolveExit: (exit: ProcessExit) => void = () => undefined
  #rejectExit: (error: Error) => void = () => undefined
  #chunks = 0
  #isOver = false
  #release: (() => void) | undefined
  #removal: Promise<void> | undefined

  constructor(init: KeeperProcessInit) {
    super(init)
    this.hostPid = init.hostPid
    this.ports = init.ports
    this.#connection = init.connection
    this.#stdout = new OutputChannel(init.credit, (bytes) => this.#grant(1, bytes))
    this.#stderr = new OutputChannel(init.credit, (bytes) => this.#grant(2, bytes))
    this.#stdin = new StdinChannel({
      sendStdin: (chunk) => this.#connection.sendRaw(clientFrames.stdin, this.handle, chunk),
      sendClose: () => this.#connection.send(clientFrames.closeStdin, this.handle, frameFields()),
      hold: () => this.#connection.hold(),
    })
    this.exited = new Promise((resolve, reject) => {
      this.#resolveExit = resolve
      this.#rejectExit = reject
    })
    // Whoever does not wait for the exit need not handle its failure either.
    this.exited.catch(() => undefined)
    if (init.attached) this.#release = init.connection.hold()
  }

  /** The same as {@link KeeperProcess.exited}, and keeps Node alive until then. */
  wait(): Promise<ProcessExit> {
    const release = this.#connection.hold()
    return this.exited.finally(release)
  }

  /** Calls the listener with every chunk of an attached output; one reader per output. */
  onData(stream: 'stdout' | 'stderr', listener: (chunk: Buffer) => void): void {
    this.#channel(stream).onData((chunk) => listener(chunk))
  }

  /** An attached output as a stream, with back-pressure up to the process's pipe. */
  stdoutStream(): Readable {
    return this.#stdout.stream()
  }

  stderrStream(): Readable {
    return this.#stderr.stream()
  }

  /** The input as a stream; its end is the process's end of file. */
  stdinStream(): Writable {
    return this.#stdin.stream()
  }

  /** Resolves when the keeper has room for all of the chunk and it was sent. Rejects with EPIPE when the process has ended. */
  writeStdin(chunk: string | Uint8Array): Promise<void> {
    return this.#stdin.write(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
  }

  /** End of file after what was written. */
  closeStdin(): void {
    this.#stdin.close()
  }

  /**
   * Gives the input, if any, and reads all output until the end. The fast path of an exec: no streams.
   *
   * @example
   * const { exitCode, stdout } = await process.collect({ stdin: 'select 1' })
   */
  async collect(options: { stdin?: string | Uint8Array } = {}): Promise<CollectedOutput> {
    const parts: { stream: OutputChannel; chunk: Buffer; order: number }[] = []
    for (const stream of [this.#stdout, this.#stderr]) {
      stream.onData((chunk, order) => parts.push({ stream, chunk, order }))
    }
    if (options.stdin !== undefined) {
      // A process may end without having read all of its input: that is its affair.
      this.writeStdin(options.stdin).catch(() => undefined)
      this.closeStdin()
    }
    const exit = await this.wait()
    // What came before this call was held for each output apart.
    parts.sort((one, other) => one.order - other.order)
    return {
      ...exit,
      stdout: join(parts.filter(({ stream }) => stream === this.#stdout)),
      stderr: join(parts.filter(({ stream }) => stream === this.#stderr)),
      output: join(parts),
    }
  }

  /** Keeps Node alive no longer by being attached; a {@link KeeperProcess.wait} still does. */
  unref(): void {
    this.#release?.()
  }

  override remove(): Promise<void> {
    this.#removal ??= super.remove()
    return this.#removal
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove()
  }

  /** Takes a frame with this handle. @internal */
  receive(frame: Frame): void {
    if (this.#isOver) return
    const fields = new FieldReader(frame.body)
    if (frame.type === keeperFrames.data) this.#channelOf(fields.u8()).receive(fields.raw(fields.left), this.#chunks++)
    else if (frame.type === keeperFrames.end) this.#channelOf(fields.u()).end()
    else if (frame.type === keeperFrames.stdinCredit) this.#stdin.addCredit(fields.u())
    else if (frame.type === keeperFrames.exit) this.#finish(fields.u(), fields.u())
    fields.end()
  }

  /** The connection is gone. @internal */
  fail(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#rejectExit(error)
    this.#stdout.fail(error)
    this.#stderr.fail(error)
    this.#stdin.fail(error)
    this.#release?.()
  }

  /** The exit was announced before, unless the process never got so far. */
  protected override removed(): void {
    if (!this.#isOver) this.#finish(0, constants.signals.SIGKILL)
  }

  #finish(exitCode: number, signal: number): void {
    this.#isOver = true
    this.#stdout.end()
    this.#stderr.end()
    this.#stdin.fail(undefined)
    this.#resolveExit(processExit(exitCode, signal))
    this.#release?.()
  }

  #channel(stream: 'stdout' | 'stderr'): OutputChannel {
    return stream === 'stdout' ? this.#stdout : this.#stderr
  }

  #channelOf(number: number): OutputChannel {
    if (number !== 1 && number !== 2) throw new RangeError(`Malformed message: no stream ${number}`)
    return this.#channel(number === 1 ? 'stdout' : 'stderr')
  }

  #grant(stream: number, bytes: number): void {
    this.#connection.send(clientFrames.credit, this.handle, frameFields().u(stream).u(bytes))
  }
}

function join(parts: readonly { readonly chunk: Buffer }[]): Buffer {
  return Buffer.concat(parts.map(({ chunk }) => chunk))
}
