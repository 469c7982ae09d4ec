import dnsPacket from 'dns-packet'
import { expect, test } from 'vitest'
import { answerQuery } from '../../../src/networks/names/answer-query.ts'
import type { Transport } from '../../../src/networks/names/message.ts'
import { query, TYPE, zone } from './queries.ts'

/** mulberry32: the same numbers at each run, so that what fails can be looked at again. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const seeds = [
  query(),
  query({ name: 'web', type: TYPE.ANY, edns: 1232 }),
  query({ name: 'web', edns: 4096, ednsFlags: 0x8000 }),
  query({ name: '2.0.30.172.in-addr.arpa', type: TYPE.PTR }),
  query({ name: `2.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`, type: TYPE.PTR, edns: 600 }),
  query({ name: 'www.example.org', type: TYPE.AAAA }),
  Buffer.concat([query({ edns: 512 }).subarray(0, -2), Buffer.from([0, 12, 0, 8, 0, 8, 0, 1, 24, 0, 192, 0, 2, 1])]),
]

/** A packet with some bytes changed, cut, repeated, or made of nothing but chance. */
function mutated(random: (below: number) => number): Buffer {
  if (random(10) === 0) return Buffer.from(Array.from({ length: random(80) }, () => random(256)))
  let packet = Buffer.from(seeds[random(seeds.length)]!)
  const interesting = [0, 1, 12, 0x29, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff]
  for (let left = 1 + random(6); left > 0; left--) {
    const at = random(packet.length)
    const kind = random(8)
    if (kind < 5 && packet.length > 0) packet[at] = kind < 3 ? interesting[random(interesting.length)]! : random(256)
    else if (kind === 5) packet = packet.subarray(0, at)
    else if (kind === 6) packet = Buffer.concat([packet.subarray(0, at), packet.subarray(random(packet.length || 1))])
    else packet = Buffer.concat([packet, Buffer.from([0, 0, 41, random(256), random(256), 0, 0, 0, 0, 0, random(3)])])
  }
  return packet
}

function checkResponse(packet: Buffer, over: Transport): string {
  const response = answerQuery(packet, zone, over)
  if (!Buffer.isBuffer(response)) return String(response)
  if (response.length > (over === 'udp' ? 1232 : 65_535)) throw new Error(`${response.length} bytes`)
  const { questions = [], flag_qr: isResponse } = dnsPacket.decode(response)
  if (dnsPacket.decode.bytes !== response.length) throw new Error('Bytes behind the last record')
  if (!isResponse || response.readUInt16BE(0) !== packet.readUInt16BE(0)) throw new Error('Not a response')
  if (questions.length > 1) throw new Error('More questions than were asked')
  return `rcode ${response.readUInt16BE(2) & 15}`
}

test('100,000 damaged packets get a response that can be read, or none', { timeout: 60_000 }, () => {
  const random = numbers(2024)
  const seen: Record<string, number> = {}
  let longest = 0
  for (let count = 0; count < 100_000; count++) {
    const packet = mutated(random)
    const before = performance.now()
    try {
      const outcome = checkResponse(packet, random(2) === 0 ? 'udp' : 'tcp')
      seen[outcome] = (seen[outcome] ?? 0) + 1
    } catch (cause) {
      throw new Error(`Packet ${count}, ${packet.toString('hex')}: ${(cause as Error).message}`, { cause })
    }
    longest = Math.max(longest, performance.now() - before)
  }
  expect(Object.keys(seen).sort()).toEqual([
    'forward',
    'rcode 0',
    'rcode 1',
    'rcode 3',
    'rcode 4',
    'rcode 5',
    'undefined',
  ])
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(500)
  expect(longest).toBeLessThan(2000)
})

test('a message of 64 KiB that is one chain of pointers costs no time', () => {
  const chain = Buffer.alloc(32_768)
  for (let at = 0; at < chain.length; at += 2)
    chain.writeUInt16BE(0xc000 | Math.min(12 + Math.max(at - 2, 0), 0x3fff), at)
  const packet = Buffer.concat([query().subarray(0, 6), Buffer.from([0x0f, 0xff, 0, 0, 0, 0]), chain])
  const before = performance.now()
  for (let count = 0; count < 1000; count++) expect(checkResponse(packet, 'tcp')).toBe('rcode 1')
  expect(performance.now() - before).toBeLessThan(1000)
})
