import { describe, expect, test } from 'vitest'
import { answerQuery, denyQuery } from '../../../src/networks/names/answer-query.ts'
import type { Transport } from '../../../src/networks/names/message.ts'
import { query, read, shorts, TYPE, wireName, zone, type QueryInit } from './queries.ts'

function ask(init: QueryInit, over: Transport = 'udp'): ReturnType<typeof read> {
  const response = answerQuery(query(init), zone, over)
  if (!Buffer.isBuffer(response)) throw new Error(`No response but ${String(response)}`)
  return read(response)
}

const ip6 = `2.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`

describe('what the zone knows', () => {
  test.each<[QueryInit, string[]]>([
    [{ name: 'db' }, ['db A 172.30.0.2']],
    [{ name: 'db', type: TYPE.AAAA }, ['db AAAA fd00::2']],
    [{ name: 'db', type: TYPE.ANY }, ['db A 172.30.0.2', 'db AAAA fd00::2']],
    [{ name: 'db', class: 255 }, ['db A 172.30.0.2']],
    [{ name: 'DB.Shop.Test' }, ['DB.Shop.Test A 172.30.0.2']],
    [{ name: 'host.airplant.internal' }, ['host.airplant.internal A 172.30.0.1']],
    [{ name: 'bücher' }, ['bücher A 172.30.0.7']],
    [{ name: 'odd' }, ['odd A 172.30.0.3']],
    [{ name: 'odd', type: TYPE.ANY }, ['odd A 172.30.0.3']],
    [{ name: '2.0.30.172.in-addr.arpa', type: TYPE.PTR }, ['2.0.30.172.in-addr.arpa PTR db']],
    [{ name: '2.0.30.172.IN-ADDR.arpa', type: TYPE.ANY }, ['2.0.30.172.IN-ADDR.arpa PTR db']],
    [{ name: ip6, type: TYPE.PTR }, [`${ip6} PTR db`]],
  ])('%j is answered with its records', (init, answers) => {
    expect(ask(init)).toMatchObject({ id: 0x1234, rcode: 0, flags: 'aa rd ra', answers })
  })

  test.each<QueryInit>([
    { name: 'db', type: TYPE.MX },
    { name: 'db', type: TYPE.HTTPS },
    { name: 'db', type: 0xff00 },
    { name: 'v6' },
    { name: 'bare' },
    { name: 'bare', type: TYPE.ANY },
    { name: '2.0.30.172.in-addr.arpa', type: TYPE.A },
  ])('%j has no records, though its name exists', (init) => {
    expect(ask(init)).toMatchObject({ rcode: 0, flags: 'aa rd ra', answers: [] })
  })

  test('answers may be kept for a second', () => {
    const response = answerQuery(query(), zone, 'udp') as Buffer
    expect(response.readUInt32BE(response.length - 10)).toBe(1)
  })

  test('letters of the question come back as they were', () => {
    expect(ask({ name: 'dB' })).toMatchObject({ question: 'dB A', answers: ['dB A 172.30.0.2'] })
  })
})

describe('what the zone does not know', () => {
  test.each<QueryInit>([
    { name: 'nobody' },
    { name: 'nobody', type: TYPE.AAAA },
    { name: 'com', type: TYPE.NS },
    { name: [Buffer.from([0xff, 0xfe])] },
    { name: [Buffer.from('looks.like.three')] },
    { name: 'other.airplant.internal' },
    { name: 'airplant.internal' },
    { name: '77.0.30.172.in-addr.arpa', type: TYPE.PTR },
    { name: '9.0.30.172.in-addr.arpa', type: TYPE.PTR },
    { name: `3${ip6.slice(1)}`, type: TYPE.PTR },
  ])('%j does not exist and is told to nobody', (init) => {
    expect(ask(init)).toMatchObject({ rcode: 3, flags: 'aa rd ra', answers: [] })
  })

  test.each<QueryInit>([
    { name: 'example.org' },
    { name: 'metadata.other.internal' },
    { name: 'notairplant.internal' },
    { name: '', type: TYPE.NS },
    { name: '1.1.168.192.in-addr.arpa', type: TYPE.PTR },
    { name: '30.172.in-addr.arpa', type: TYPE.SOA },
    { name: '300.0.30.172.in-addr.arpa', type: TYPE.PTR },
    { name: '2.0.30.172.in-addr.arpa.example.org', type: TYPE.PTR },
    { name: 'example.org', type: 0xff00 },
    { name: 'example.org', edns: 4096 },
    { name: [Buffer.from('My Printer 2.0'), Buffer.from('example'), Buffer.from('org')] },
  ])('%j is asked elsewhere', (init) => {
    expect(answerQuery(query(init), zone, 'udp')).toBe('forward')
  })

  test('where nobody else is asked, it does not exist', () => {
    const denied = denyQuery(query({ name: 'example.org', edns: 1232 }), 'udp')
    expect(read(denied)).toMatchObject({ rcode: 3, question: 'example.org A', edns: { size: 1232 } })
  })
})

describe('what is no plain query', () => {
  const plain = query()
  const changed = (at: number, ...values: number[]): Buffer =>
    Buffer.concat([plain.subarray(0, at), Buffer.from(values), plain.subarray(at + values.length)])
  const withName = (...bytes: number[]): Buffer =>
    Buffer.concat([plain.subarray(0, 12), Buffer.from(bytes), shorts(1, 1)])

  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['less than a header', plain.subarray(0, 11)],
    ['a response', query({ flags: 0x8180 })],
  ])('%s gets no response', (_, message) => {
    expect(answerQuery(message, zone, 'udp')).toBeUndefined()
  })

  test.each<[string, Buffer]>([
    ['a header alone', plain.subarray(0, 12)],
    ['no question', changed(4, 0, 0)],
    ['two questions', Buffer.concat([changed(4, 0, 2), plain.subarray(12)])],
    ['65,535 of everything', changed(4, ...Array<number>(8).fill(0xff))],
    ['an answer', changed(6, 0, 1)],
    ['an authority', changed(8, 0, 1)],
    ['three additional records', changed(10, 0, 3)],
    ['an additional record that is not there', changed(10, 0, 1)],
    ['a name that is cut', plain.subarray(0, 14)],
    ['a question without its class', plain.subarray(0, plain.length - 2)],
    ['a pointer to itself', withName(0xc0, 12)],
    ['a pointer forwards', withName(0xc0, 20)],
    ['a pointer into the header', withName(0xc0, 4)],
    ['two pointers to each other', withName(1, 97, 0xc0, 16, 0xc0, 12)],
    ['a label of 64 bytes', withName(64, ...Buffer.alloc(64, 97), 0)],
    ['a label of a reserved kind', withName(0x81, 97, 0)],
    ['a name of 256 bytes', Buffer.concat([plain.subarray(0, 12), wireName('a.'.repeat(127) + 'b'), shorts(1, 1)])],
    [
      'two OPT records',
      Buffer.concat([changed(10, 0, 2), ...Array<Buffer>(2).fill(query({ edns: 512 }).subarray(-11))]),
    ],
    ['an option longer than its record', Buffer.concat([query({ edns: 512 }).subarray(0, -2), shorts(4, 8, 99)])],
  ])('%s is malformed', (_, message) => {
    expect(read(answerQuery(message, zone, 'udp') as Buffer)).toMatchObject({ id: 0x1234, rcode: 1, answers: [] })
  })

  test('a name of 255 bytes is none too long', () => {
    expect(answerQuery(query({ name: 'a.'.repeat(126) + 'b' }), zone, 'udp')).toBe('forward')
  })

  test.each([1, 2, 4, 5, 15])('operation %i is not implemented', (opcode) => {
    const response = answerQuery(query({ flags: opcode << 11 }), zone, 'udp') as Buffer
    expect(read(response)).toMatchObject({ rcode: 4, answers: [] })
    expect((response.readUInt16BE(2) >> 11) & 15).toBe(opcode)
  })

  test.each<QueryInit>([
    { name: 'db', type: TYPE.AXFR },
    { name: 'example.org', type: TYPE.IXFR },
    { name: 'version.bind', type: TYPE.TXT, class: 3 },
    { name: 'db', class: 0x1234 },
  ])('%j is refused', (init) => {
    expect(ask(init)).toMatchObject({ rcode: 5, flags: 'rd ra', answers: [] })
  })
})

describe('sizes and EDNS', () => {
  test('who offers no EDNS gets none', () => {
    expect(ask({ flags: 0 })).toMatchObject({ flags: 'aa ra', edns: undefined })
  })

  test('who offers EDNS gets it, with its DO and CD flags', () => {
    const seen = ask({ edns: 4096, ednsFlags: 0x8000, flags: 0x0110 })
    expect(seen).toMatchObject({ flags: 'aa rd ra cd', edns: { size: 1232, extendedRcode: 0, dnssecOk: true } })
  })

  test('a version of EDNS that is not ours is named so', () => {
    const seen = ask({ name: 'example.org', edns: 4096, ednsVersion: 1 })
    expect(seen).toMatchObject({ rcode: 0, answers: [], edns: { extendedRcode: 1, size: 1232 } })
  })

  test.each([
    [undefined, 512],
    [0, 512],
    [100, 512],
    [512, 512],
    [1000, 1000],
    [1232, 1232],
    [4096, 1232],
    [65_535, 1232],
  ])('a client of %s bytes gets a datagram of at most %i, as full as it can be', (edns, limit) => {
    const response = answerQuery(query({ name: 'web', edns }), zone, 'udp') as Buffer
    expect(response.length).toBeLessThanOrEqual(limit)
    expect(response.length).toBeGreaterThan(limit - 16)
    expect(read(response).flags).toBe('aa tc rd ra')
    expect(read(response).answers[0]).toBe('web A 172.30.0.1')
  })

  test('over TCP everything goes', () => {
    const seen = ask({ name: 'web' }, 'tcp')
    expect(seen.answers).toHaveLength(200)
    expect(seen.flags).toBe('aa rd ra')
  })
})
