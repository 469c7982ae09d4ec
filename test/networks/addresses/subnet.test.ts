import { expect, test } from 'vitest'
import { parseIp } from '../../../src/rootless/ip-address.ts'
import { formatSubnet, indexIn, nth, overlap, parseSubnet, sizeOf } from '../../../src/networks/addresses/subnet.ts'

test.each(['10.89.0.0/24', '0.0.0.0/0', '192.0.2.1/32', 'fd00:1:2:3::/64', '::/0'])('"%s" is a subnet', (text) => {
  expect(formatSubnet(parseSubnet(text)!)).toBe(text)
})

test.each([
  '10.89.0.1/24',
  '10.89.0.0',
  '10.89.0.0/33',
  '10.89.0.0/',
  '/8',
  'fd00::1/64',
  'fd00::/129',
  '10.0.0.0/8/8',
  '10.0.0.0/-1',
])('"%s" is none', (text) => {
  expect(parseSubnet(text)).toBeUndefined()
})

test('an address has a number in it, or lies outside', () => {
  const subnet = parseSubnet('10.89.0.0/24')!
  expect(sizeOf(subnet)).toBe(256n)
  expect(nth(subnet, 5)).toEqual(parseIp('10.89.0.5'))
  expect(indexIn(subnet, parseIp('10.89.0.255')!)).toBe(255n)
  for (const outside of ['10.88.255.255', '10.89.1.0', '::10.89.0.5']) {
    expect(indexIn(subnet, parseIp(outside)!)).toBeUndefined()
  }
})

test.each([
  ['10.89.0.0/24', '10.0.0.0/8', true],
  ['10.89.0.0/24', '10.89.0.128/25', true],
  ['10.89.0.0/24', '10.89.1.0/24', false],
  ['0.0.0.0/0', '203.0.113.0/24', true],
  ['0.0.0.0/0', '::/0', false],
])('%s and %s overlap: %s', (one, other, expected) => {
  expect(overlap(parseSubnet(one)!, parseSubnet(other)!)).toBe(expected)
  expect(overlap(parseSubnet(other)!, parseSubnet(one)!)).toBe(expected)
})
