import type { Socket } from 'node:net'
import { Connection } from './client/connection.ts'
import { KeeperProcess } from './client/keeper-process.ts'
import { LogSubscriptions } from './client/log-subscriptions.ts'
import { finished, ProcessHandle } from './client/process-handle.ts'
import type { SpawnRequest } from './client/spawn-request.ts'
import { DEFAULT_CREDIT, encodeSpawn } from './client/spawn-request.ts'
import type { FieldWriter } from './protocol/fields.ts'
import { FieldReader } from './protocol/fields.ts'
import type { Frame } from './protocol/frames.ts'
import { clientFrames, frameFields, keeperFrames, PROTOCOL_VERSION } from './protocol/frames.ts'
import type { Plan } from './protocol/plan.ts'
import { StepError } from './step-error.ts'

export type { LogEntry } from './client/log-subscription.ts'
export { KeeperProcess } from './client/keeper-process.ts'
export type { CollectedOutput } from './client/keeper-process.ts'
export { ProcessHandle } from './client/process-handle.ts'
export type { NetTables, ProcessExit } from './client/process-handle.ts'
export type { PortRequest, SpawnRequest } from './client/spawn-request.ts'

/** What a keeper says of itself. */
export interface KeeperHello {
  readonly keeperPid: number
  readonly directory: string
  readonly work: string
}

/** A container as the keeper lists it. */
export interface ListedContainer {
  readonly id: string
  /** The text that was given as `meta`. */
  readonly meta: string
  readonly hostPid: number
  readonly state: 'starting' | 'running' | 'paused' | 'exited'
  /** What `target` of a spawn takes. */
  readonly handle: number
  /** Published ports as docs/protocol.md has them: `'tcp 127.0.0.1 40123 80;udp ::1 40124 53'`. */
  readonly ports: string
}

/** How a {@link KeeperClient} is made. */
export interface KeeperClientOptions {
  /** What else is known when the connection ends: the keeper's last words. */
  readonly describeEnd?: () => string | undefined
}

/**
 * Speaks docs/protocol.md over a connected socket. Everything rejects with ERR_KEEPER_GONE once the connection has ended, and with
 * {@link StepError} when the keeper refuses. Node stays alive only while an answer, or an attached process's end, is waited for.
 *
 * @example
 * const client = new KeeperClient(socket)
 * await client.hello({ lease: true })
 * const process = await client.spawn({ kind: 'helper', attached: true, plan: new Plan().hostExec(['/bin/date'], []) })
 * const { stdout } = await process.collect()
 */
export class KeeperClient {
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<Error>
  readonly #connection: Connection
  readonly #subscriptions: LogSubscriptions
  readonly #processes = new Map<number, KeeperProcess>()
  #resolveEnded: (reason: Error) => void = () => undefined

  constructor(socket: Socket, options: KeeperClientOptions = {}) {
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
    this.#connection = new Connection(socket, {
      receive: (frame) => this.#receive(frame),
      lost: (reason) => this.#lost(reason),
      ...options,
    })
    this.#subscriptions = new LogSubscriptions(this.#connection)
  }

  /** Whether the connection has ended. */
  get closed(): boolean {
    return this.#connection.reason !== undefined
  }

  /** Processes and log subscriptions that can still receive something. */
  get live(): { processes: number; subscriptions: number } {
    return { processes: this.#processes.size, subscriptions: this.#subscriptions.size }
  }

  /** Keeps Node alive until the function that is returned was called. */
  hold(): () => void {
    return this.#connection.hold()
  }

  /** Sends any request; its fields are written into {@link frameFields}. */
  request(type: number, fields: FieldWriter = frameFields()): Promise<FieldReader> {
    return this.#connection.request(type, fields, (answer) => answer)
  }

  /** @param options.lease the keeper lives at least as long as this connection. Default false */
  hello(options: { lease?: boolean } = {}): Promise<KeeperHello> {
    const fields = frameFields()
      .u(PROTOCOL_VERSION)
      .u(Number(options.lease ?? false))
    return this.#connection.request(clientFrames.hello, fields, (answer) => {
      answer.u()
      const [keeperPid, directory, work] = [answer.u(), answer.s(), answer.s()]
      answer.end()
      return { keeperPid, directory, work }
    })
  }

  /**
   * Starts a process; resolves when its program was executed. Nothing that it writes is lost, however late it is read.
   *
   * @throws {StepError} with the plan's failing step
   */
  async spawn(request: SpawnRequest): Promise<KeeperProcess> {
    try {
      return await this.#connection.request(clientFrames.spawn, encodeSpawn(request), (answer) =>
        this.#register(answer, request),
      )
    } catch (error) {
      const planStep = error instanceof StepError ? request.plan.steps[error.step] : undefined
      throw planStep ? new StepError(error as StepError, planStep) : error
    }
  }

  /** All containers of this keeper, also those of its other clients. */
  list(): Promise<ListedContainer[]> {
    return this.#connection.request(clientFrames.list, frameFields(), (answer) => {
      const texts = answer.v()
      answer.end()
      const containers: ListedContainer[] = []
      for (let at = 0; at + 6 <= texts.length; at += 6) {
        const [id = '', meta = '', hostPid, state, handle, ports = ''] = texts.slice(at, at + 6)
        const named = { id, meta, ports, hostPid: Number(hostPid), handle: Number(handle) }
        containers.push({ ...named, state: state as ListedContainer['state'] })
      }
      return containers
    })
  }

  /** A process of this keeper, whoever started it; that it is there shows at the first request. */
  processOf(handle: number): ProcessHandle {
    return new ProcessHandle({ connection: this.#connection, subscriptions: this.#subscriptions, handle })
  }

  /** Keeps so many network namespaces ready, each prepared by the plan. */
  async pool(size: number, plan: Plan): Promise<void> {
    await this.#connection.request(clientFrames.pool, frameFields().u(size).b(plan.encode()), finished)
  }

  /**
   * How long the keeper lives on after its last lease has ended, as long as nobody takes a new one.
   *
   * @param ms 0: not at all, and when no one has a lease it ends now
   * @returns whether this connection's own lease was taken while nobody had one, and the time was running
   */
  linger(ms: number): Promise<boolean> {
    return this.#connection.request(clientFrames.linger, frameFields().u(ms), (answer) => {
      const isHeir = answer.u() === 1
      answer.end()
      return isHeir
    })
  }

  /** From now on the container or helper of that handle outlives the connection that it was started over, until it is removed. */
  async keep(handle: number): Promise<void> {
    await this.#connection.request(clientFrames.keep, frameFields().u(handle), finished)
  }

  /** From now on the helper is the container's: it outlives what that outlives, and is removed with it. */
  async adopt(container: number, helper: number): Promise<void> {
    await this.#connection.request(clientFrames.adopt, frameFields().u(container).u(helper), finished)
  }

  /** Ends the keeper and everything in it. @throws {StepError} `EBUSY` when it is to {@link KeeperClient.linger} */
  async shutdown(): Promise<void> {
    await this.#connection.request(clientFrames.shutdown, frameFields(), finished)
  }

  /** Closes the connection, which removes all that was spawned over it. */
  close(): void {
    this.#connection.close()
  }

  #register(answer: FieldReader, request: SpawnRequest): KeeperProcess {
    const [handle, hostPid, ports] = [answer.u(), answer.u(), new FieldReader(answer.b())]
    answer.end()
    const process = new KeeperProcess({
      connection: this.#connection,
      subscriptions: this.#subscriptions,
      handle,
      hostPid,
      ports: Array.from({ length: Math.floor(ports.left / 2) }, () => ports.u16()),
      credit: request.credit ?? DEFAULT_CREDIT,
      attached: request.attached ?? false,
    })
    this.#processes.set(handle, process)
    // By removal or by exit: no frame comes any more.
    const forget = (): void => void this.#processes.delete(handle)
    process.exited.then(forget, forget)
    return process
  }

  #receive(frame: Frame): void {
    const isOfLog =
      frame.type === keeperFrames.log || frame.type === keeperFrames.logEnd || frame.type === keeperFrames.dropped
    if (isOfLog) this.#subscriptions.receive(frame)
    else this.#processes.get(frame.id)?.receive(frame)
  }

  #lost(reason: Error): void {
    for (const process of [...this.#processes.values()]) process.fail(reason)
    this.#processes.clear()
    this.#subscriptions.fail(reason)
    this.#resolveEnded(reason)
  }
}
