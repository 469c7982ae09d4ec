import { expect, test } from 'vitest'
import { addressOfReverse } from '../../../src/networks/names/reverse-name.ts'

test.each([
  ['2.0.30.172.in-addr.arpa', '172.30.0.2'],
  ['255.255.255.255.in-addr.arpa', '255.255.255.255'],
  [`1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`, '2001:db8::1'],
  [`${'0.'.repeat(32)}ip6.arpa`, '::'],
  [`${'f.'.repeat(32)}ip6.arpa`, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['256.0.0.1.in-addr.arpa', undefined],
  ['02.0.30.172.in-addr.arpa', undefined],
  ['0.30.172.in-addr.arpa', undefined],
  ['1.2.0.30.172.in-addr.arpa', undefined],
  [`${'0.'.repeat(31)}ip6.arpa`, undefined],
  [`${'0.'.repeat(31)}g.ip6.arpa`, undefined],
  ['in-addr.arpa', undefined],
  ['db', undefined],
  ['', undefined],
])('%s stands for %s', (name, address) => {
  expect(addressOfReverse(name)).toBe(address)
})
