import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { frame, FrameReader } from '../../../src/networks/names/frame-reader.ts'

/** The address of the client, as whoever relays its queries says it: 10.89.0.5. */
const CLIENT = Buffer.from('00000000000000000000ffff0a590005', 'hex')

/** A client of a name server's Unix socket, as the network's helper process is one. */
export class NameClient implements Disposable {
  readonly socket: Socket
  readonly answers: Buffer[] = []
  #waiting: (() => void)[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    const reader = new FrameReader()
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      reader.push(chunk)
      for (let answer = reader.take(); answer; answer = reader.take()) this.answers.push(answer)
      this.#wake()
    })
    socket.on('close', () => this.#wake())
  }

  static async connect(path: string): Promise<NameClient> {
    const socket = createConnection(path)
    await once(socket, 'connect')
    socket.write(CLIENT)
    return new NameClient(socket)
  }

  send(...queries: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(queries.map(frame)))
  }

  async ask(query: Buffer): Promise<Buffer> {
    const before = this.answers.length
    this.send(query)
    await this.until(before + 1)
    return this.answers[before]!
  }

  /** Waits until so many answers have come. */
  async until(count: number): Promise<void> {
    while (this.answers.length < count) {
      if (this.socket.destroyed)
        throw new Error(`The connection ended after ${this.answers.length} of ${count} answers`)
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
  }

  async closed(): Promise<void> {
    if (this.socket.closed) return
    await new Promise<void>((resolve) => {
      this.socket.once('close', () => resolve())
    })
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
