import { createServer } from 'node:net'
import { isIPv6 } from 'node:net'
import { closeAll, listenTcp, listenUdp, type Listener } from './listeners.ts'
import { outside } from './outside.ts'

/** @see serveNames */
export interface NameServer extends AsyncDisposable {
  /** What was asked, in order: `udp A outside.test`. */
  readonly queries: string[]
}

const reverse4 = `${outside.ipv4.split('.').reverse().join('.')}.in-addr.arpa`
const reverse6 = `${'1'.padEnd(24, '0')}8bd01002`.split('').join('.') + '.ip6.arpa'

/** What there is; every other name does not exist. `silent.outside.test` gets no answer at all. */
const records: Readonly<Record<string, Partial<Record<string, readonly string[]>>>> = {
  'outside.test': { A: [outside.ipv4], AAAA: [outside.ipv6] },
  'four.outside.test': { A: [outside.ipv4] },
  'six.outside.test': { AAAA: [outside.ipv6] },
  // More than a datagram of 512 bytes holds: truncated by UDP, whole by TCP.
  'large.outside.test': { A: Array.from({ length: 60 }, (_, index) => `198.51.100.${index + 100}`) },
  [reverse4]: { PTR: ['outside.test'] },
  [reverse6]: { PTR: ['outside.test'] },
}
const types: Readonly<Record<number, string>> = {
  1: 'A',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  255: 'ANY',
}

/**
 * The resolver of the test world "outside", by UDP and TCP (RFC 1035): knows `outside.test` and a few names below it.
 *
 * @example
 * await using names = await serveNames()
 */
export async function serveNames(): Promise<NameServer> {
  const queries: string[] = []
  const respond = (protocol: 'udp' | 'tcp', query: Buffer): Buffer | undefined => {
    const question = readQuestion(query)
    if (!question) return undefined
    queries.push(`${protocol} ${question.type} ${question.name}`)
    return question.name === 'silent.outside.test' ? undefined : answer(query, question, protocol)
  }
  const server = createServer((socket) => {
    let received = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
        const size = received.readUInt16BE()
        const reply = respond('tcp', received.subarray(2, 2 + size))
        received = received.subarray(2 + size)
        if (reply) socket.write(Buffer.concat([u16(reply.length), reply]))
      }
    })
  })
  const listeners: Listener[] = [
    await listenUdp(53, outside.nameServer, (message) => respond('udp', message)),
    await listenTcp(server, 53, outside.nameServer),
  ]
  return { queries, [Symbol.asyncDispose]: () => closeAll(listeners) }
}

interface Question {
  readonly name: string
  readonly type: string
  /** Where it ends in the message. */
  readonly end: number
}

function readQuestion(message: Buffer): Question | undefined {
  if (message.length < 17 || message.readUInt16BE(4) !== 1) return undefined
  const labels: string[] = []
  let at = 12
  while (at < message.length && message[at] !== 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + message[at]!))
    at += 1 + message[at]!
  }
  if (at + 5 > message.length) return undefined
  const type = message.readUInt16BE(at + 1)
  return { name: labels.join('.').toLowerCase(), type: types[type] ?? String(type), end: at + 5 }
}

function answer(query: Buffer, { name, type, end }: Question, protocol: 'udp' | 'tcp'): Buffer {
  const known = records[name]
  // The name is the question's, by a pointer to it.
  const data = (known?.[type] ?? []).map((value) => encode(type, value))
  const answers = data.map((bytes) =>
    Buffer.concat([u16(0xc00c), query.subarray(end - 4, end), u16(0), u16(60), u16(bytes.length), bytes]),
  )
  const size = end + answers.reduce((sum, { length }) => sum + length, 0)
  const isTruncated = protocol === 'udp' && size > 512
  const sent = isTruncated ? [] : answers
  const flags = 0x8180 | (isTruncated ? 0x0200 : 0) | (known ? 0 : 3)
  const counts = [1, sent.length, 0, 0].map(u16)
  return Buffer.concat([query.subarray(0, 2), u16(flags), ...counts, query.subarray(12, end), ...sent])
}

function encode(type: string, value: string): Buffer {
  if (type === 'A') return Buffer.from(value.split('.').map(Number))
  if (type === 'PTR') return Buffer.concat([...value.split('.').map(label), Buffer.from([0])])
  return Buffer.concat(groups(value).map(u16))
}

function label(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
}

/** The eight numbers of an IPv6 address. */
function groups(address: string): number[] {
  if (!isIPv6(address)) throw new Error(`"${address}" is no IPv6 address`)
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':').filter(Boolean))
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return [...head, ...zeros, ...tail].map((group) => parseInt(group, 16))
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}
