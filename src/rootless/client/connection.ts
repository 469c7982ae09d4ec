import type { Socket } from 'node:net'
import { AirplantError } from '../../errors.ts'
import type { FieldWriter } from '../protocol/fields.ts'
import { FieldReader } from '../protocol/fields.ts'
import type { Frame } from '../protocol/frames.ts'
import { encodeFrame, encodeHeader, FrameReader, keeperFrames } from '../protocol/frames.ts'
import { StepError } from '../step-error.ts'

/** Who gets what is no answer to a request. */
export interface ConnectionReceiver {
  /** A frame of a process or a subscription. A throw means that the frame is malformed, and ends the connection. */
  receive(frame: Frame): void
  /** The connection is gone; called once. */
  lost(reason: Error): void
  /** What else is known about the keeper's end, for the message. */
  describeEnd?(): string | undefined
}

interface Pending {
  readonly answer: (fields: FieldReader) => void
  readonly refuse: (error: Error) => void
}

/**
 * Requests and answers over a keeper's socket. The socket keeps Node alive only while something is waited for ({@link hold}).
 * Frames of one tick leave in one write.
 */
export class Connection {
  readonly #socket: Socket
  readonly #receiver: ConnectionReceiver
  readonly #frames = new FrameReader()
  readonly #pending = new Map<number, Pending>()
  #lastId = 0
  #holds = 0
  #isCorked = false
  #reason: Error | undefined
  #bootError: StepError | undefined

  constructor(socket: Socket, receiver: ConnectionReceiver) {
    this.#socket = socket
    this.#receiver = receiver
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', (error) => this.#lose(error))
    socket.on('end', () => this.#lose())
    socket.on('close', () => this.#lose())
    socket.unref()
  }

  /** Why nothing can be sent any more; undefined while it can. */
  get reason(): Error | undefined {
    return this.#reason
  }

  /** An id that no pending request has; never 0. */
  newId(): number {
    do this.#lastId = (this.#lastId % 0xffff_ffff) + 1
    while (this.#pending.has(this.#lastId))
    return this.#lastId
  }

  /**
   * Sends a request and waits for its answer. `accept` runs before any later frame is looked at, so what it registers misses none.
   *
   * @throws {StepError} when the keeper refuses @throws {AirplantError} ERR_KEEPER_GONE
   */
  request<T>(type: number, fields: FieldWriter, accept: (answer: FieldReader) => T, id = this.newId()): Promise<T> {
    const release = this.hold()
    return this.requestUnheld(type, fields, accept, id).finally(release)
  }

  /** The same, but waiting for the answer does not keep Node alive. */
  requestUnheld<T>(
    type: number,
    fields: FieldWriter,
    accept: (answer: FieldReader) => T,
    id = this.newId(),
  ): Promise<T> {
    if (this.#reason) return Promise.reject(this.#reason)
    const frame = encodeFrame(type, id, fields)
    return new Promise<T>((resolve, reject) => {
      const answer = (reader: FieldReader): void => resolve(accept(reader))
      this.#pending.set(id, { answer, refuse: reject })
      this.#write(frame)
    })
  }

  /** Sends a frame that has no answer. Dropped when the connection is gone. */
  send(type: number, id: number, fields: FieldWriter): void {
    this.#write(encodeFrame(type, id, fields))
  }

  /** The same with a raw body, which must not be changed afterwards. */
  sendRaw(type: number, id: number, body: Uint8Array): void {
    this.#write(encodeHeader(type, id, body.length))
    if (body.length > 0) this.#write(body)
  }

  /** Keeps Node alive until the function that is returned was called. */
  hold(): () => void {
    if (this.#holds++ === 0) this.#socket.ref()
    let isHeld = true
    return () => {
      if (isHeld && --this.#holds === 0) this.#socket.unref()
      isHeld = false
    }
  }

  close(): void {
    this.#socket.destroy()
    this.#lose()
  }

  #write(bytes: Uint8Array): void {
    if (this.#reason) return
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#isCorked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(bytes)
  }

  #read(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.read(chunk)) {
        if (this.#reason) return
        this.#dispatch(frame)
      }
    } catch (error) {
      this.#lose(error as Error)
      this.#socket.destroy()
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.type !== keeperFrames.ok && frame.type !== keeperFrames.error) {
      this.#receiver.receive(frame)
      return
    }
    const pending = this.#pending.get(frame.id)
    this.#pending.delete(frame.id)
    if (frame.type === keeperFrames.ok) {
      pending?.answer(new FieldReader(frame.body))
      return
    }
    const error = readStepError(frame.body)
    if (frame.id === 0) this.#bootError = error
    else pending?.refuse(error)
  }

  #lose(cause?: Error): void {
    if (this.#reason) return
    const reason = this.#bootError ?? keeperGone(this.#receiver.describeEnd?.(), cause)
    this.#reason = reason
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { refuse } of pending) refuse(reason)
    this.#receiver.lost(reason)
  }
}

function keeperGone(end: string | undefined, cause: Error | undefined): AirplantError {
  return new AirplantError({
    code: 'ERR_KEEPER_GONE',
    phase: 'session',
    message: `The keeper ended or closed the connection${end ? `: ${end}` : ''}`,
    hint: 'Its containers are gone; the next call starts a new keeper. Was it killed, or did the machine run out of memory?',
    cause,
  })
}

const NO_STEP = 2n ** 64n - 1n

function readStepError(body: Buffer): StepError {
  const fields = new FieldReader(body)
  const step = fields.big()
  const [what, errno, detail] = [fields.s(), fields.u(), fields.s()]
  fields.end()
  return new StepError({ step: step === NO_STEP ? -1 : Number(step), what, errno, detail })
}
