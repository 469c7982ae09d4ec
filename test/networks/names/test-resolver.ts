import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { frame, FrameReader } from '../../../src/networks/names/frame-reader.ts'

/** What a resolver for tests does with a query; what it returns is sent. */
export type Behaviour = (query: Buffer, from: Sender) => readonly Buffer[]

interface Sender {
  readonly address: string
  readonly port: number
}

/** @see startResolver */
export interface TestResolver extends AsyncDisposable {
  readonly address: string
  readonly port: number
  readonly overUdp: readonly Buffer[]
  readonly overTcp: readonly Buffer[]
}

/**
 * A resolver on loopback, UDP and TCP on the same number.
 *
 * @param udp what it sends back for a datagram
 * @param tcp what it sends back for a message over TCP; undefined: TCP is closed
 */
export async function startResolver(
  udp: Behaviour,
  tcp?: Behaviour,
  { address = '127.0.0.1', port = 0 } = {},
): Promise<TestResolver> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  const overUdp: Buffer[] = []
  const overTcp: Buffer[] = []
  const clients = new Set<Socket>()
  socket.on('message', (query, from) => {
    overUdp.push(query)
    for (const one of udp(query, from)) socket.send(one, from.port, from.address)
  })
  socket.bind(port, address)
  await once(socket, 'listening')
  const number = socket.address().port
  const server = createServer((client) => {
    clients.add(client)
    const reader = new FrameReader()
    client.on('error', () => undefined)
    client.on('close', () => clients.delete(client))
    client.on('data', (chunk) => {
      reader.push(chunk)
      for (let query = reader.take(); query; query = reader.take()) {
        overTcp.push(query)
        for (const one of tcp!(query, { address, port: client.remotePort! })) client.write(frame(one))
      }
    })
  })
  if (tcp && !(await canListen(server, number, address))) {
    socket.close()
    return startResolver(udp, tcp, { address, port })
  }
  return {
    address,
    port: number,
    overUdp,
    overTcp,
    async [Symbol.asyncDispose]() {
      socket.close()
      for (const client of clients) client.destroy()
      if (!tcp) return
      server.close()
      await once(server, 'close')
    },
  }
}

/** Whether a number that was free for UDP is free for TCP, too. */
async function canListen(server: Server, port: number, address: string): Promise<boolean> {
  server.listen(port, address)
  try {
    await once(server, 'listening')
    return true
  } catch {
    return false
  }
}

/** A response to a query with its question and one address, and bytes behind it to make it longer. */
export function answered(query: Buffer, { rcode = 0, flags = 0, last = 1, padding = 0 } = {}): Buffer {
  const count = 1 + (padding > 0 ? 1 : 0)
  const question = query.subarray(12, query.indexOf(0, 12) + 5)
  const header = Buffer.from(query.subarray(0, 12))
  header.writeUInt16BE(0x8180 | flags | rcode, 2)
  header.writeUInt16BE(count, 6)
  header.fill(0, 8)
  const text = Buffer.alloc(12 + padding)
  Buffer.from([0xc0, 12, 0, 10, 0, 1, 0, 0, 0, 60]).copy(text)
  text.writeUInt16BE(padding, 10)
  const address = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, last])
  return Buffer.concat([header, question, address, ...(padding > 0 ? [text] : [])])
}
