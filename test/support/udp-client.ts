import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'

/** A socket that hears only the address that it talks to, as a program that called connect. */
export class UdpClient implements AsyncDisposable {
  readonly #socket: Socket
  readonly #answers: Buffer[] = []

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (message) => this.#answers.push(message))
    // Nobody listens there any more.
    socket.on('error', () => undefined)
  }

  static async connect({ host, port }: { host: string; port: number }, localAddress?: string): Promise<UdpClient> {
    const socket = createSocket({
      type: isIPv6(host) ? 'udp6' : 'udp4',
      sendBufferSize: 400_000,
      recvBufferSize: 400_000,
    })
    if (localAddress !== undefined) {
      socket.bind(0, localAddress)
      await once(socket, 'listening')
    }
    socket.connect(port, host)
    await once(socket, 'connect')
    return new UdpClient(socket)
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** Settles when the kernel took it. */
  async send(message: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.send(message, () => resolve())
    })
  }

  /** Sends, and gives the next answer; undefined when none came within `patience` ms. */
  async ask(message: string | Uint8Array, patience = 5000): Promise<Buffer | undefined> {
    await this.send(message)
    return await this.next(patience)
  }

  async next(patience = 5000): Promise<Buffer | undefined> {
    if (this.#answers.length === 0) {
      await once(this.#socket, 'message', { signal: AbortSignal.timeout(patience) }).catch(() => undefined)
    }
    return this.#answers.shift()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close()
    await once(this.#socket, 'close')
  }
}
