import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { bytesOf, formatIp, parseIp } from '../../src/rootless/ip-address.ts'

test.each([
  ['10.89.0.5', '10.89.0.5'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['FD00:0:0:0:0:0:0:5', 'fd00::5'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
  ['::ffff:127.0.0.1', '::ffff:7f00:1'],
])('"%s" is read, and written as "%s"', (text, written) => {
  expect(formatIp(parseIp(text)!)).toBe(written)
})

test.each(['', '10.89.0', '10.89.0.256', '010.1.1.1', 'fe80::1%eth0', ':::', '1::2::3', '10.0.0.1/8', 'name'])(
  '"%s" is no address',
  (text) => {
    expect(parseIp(text)).toBeUndefined()
  },
)

test('addresses of IPv6 are written as URLs have them (RFC 5952)', () => {
  for (let round = 0; round < 500; round++) {
    const bytes = randomBytes(16)
    // Runs of zeros, which random bytes have none of.
    for (let at = 0; at < 16; at += 2) if (bytes[at]! % 3 > 0) bytes.writeUInt16BE(0, at)
    const address = { family: 6 as const, value: BigInt(`0x${bytes.toString('hex')}`) }
    const text = formatIp(address)
    expect(`[${text}]`).toBe(new URL(`http://[${text}]/`).hostname)
    expect(parseIp(text)).toEqual(address)
    expect(Buffer.from(bytesOf(address))).toEqual(bytes)
  }
})
