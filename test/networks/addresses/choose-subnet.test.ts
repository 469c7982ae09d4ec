import { expect, test } from 'vitest'
import { checkFree, chooseSubnet, chooseSubnet6 } from '../../../src/networks/addresses/choose-subnet.ts'
import { parseRoutes, parseRoutes6 } from '../../../src/networks/addresses/host-routes.ts'
import { formatSubnet, parseSubnet } from '../../../src/networks/addresses/subnet.ts'

const route = (text: string, device = 'eth0') => ({ subnet: parseSubnet(text)!, device })
const network = (text: string, name = 'web') => ({ subnet: parseSubnet(text)!, name })

test('the first subnet that nobody has is chosen', () => {
  expect(formatSubnet(chooseSubnet([], []))).toBe('10.89.0.0/24')
  expect(formatSubnet(chooseSubnet([route('10.89.0.0/23')], [network('10.89.2.0/24')]))).toBe('10.89.3.0/24')
})

test('a VPN that takes all of 10.0.0.0/8 leaves others', () => {
  expect(formatSubnet(chooseSubnet([route('10.0.0.0/8', 'tun0')], []))).toBe('172.28.0.0/24')
})

test('when nothing is left, that is said with what takes it', () => {
  const all = ['0.0.0.0/1', '128.0.0.0/1'].map((text) => route(text, 'wg0'))
  expect(() => chooseSubnet(all, [])).toThrow(expect.objectContaining({ code: 'ERR_SUBNET_CLASH' }))
  expect(() => chooseSubnet(all, [])).toThrow(/0\.0\.0\.0\/1, 128\.0\.0\.0\/1/)
})

test.each([
  ['10.1.2.0/24', /the host's route to eth0 has 10\.1\.0\.0\/16/],
  ['10.90.0.0/25', /network "web" has 10\.90\.0\.0\/24/],
])('the subnet %s, which somebody has, is refused by name', (text, words) => {
  const check = (): void => checkFree(parseSubnet(text)!, [route('10.1.0.0/16')], [network('10.90.0.0/24')])
  expect(check).toThrow(expect.objectContaining({ code: 'ERR_SUBNET_CLASH' }))
  expect(check).toThrow(words)
})

test('IPv6 networks are unique local and differ', () => {
  const texts = Array.from({ length: 50 }, () => formatSubnet(chooseSubnet6()))
  expect(new Set(texts).size).toBe(50)
  for (const text of texts) expect(text).toMatch(/^fd[0-9a-f]{2}:.*\/64$/)
})

test('routes are read as the kernel prints them, without default routes and those of one link', () => {
  const table = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
`
  expect(parseRoutes(table).map(({ subnet, device }) => [formatSubnet(subnet), device])).toEqual([
    ['192.0.2.0/24', 'eth0'],
    ['172.17.0.0/16', 'docker0'],
  ])
  const table6 = [
    '20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0',
    'fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0',
    '00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0',
    'ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0',
    '00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001       lo',
  ]
  expect(parseRoutes6(table6.join('\n')).map(({ subnet, device }) => [formatSubnet(subnet), device])).toEqual([
    ['2001:db8::/64', 'eth0'],
  ])
})
