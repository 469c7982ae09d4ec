import { describe, expect, test } from 'vitest'
import type { PublishedSpec } from '../../src/containers/parse-published.ts'
import { parsePublished } from '../../src/containers/parse-published.ts'

const spec = (container: number, rest: Partial<PublishedSpec> = {}): PublishedSpec => {
  const { host = 0 } = rest
  return { container, host, lastHost: host, address: undefined, protocol: 'tcp', ...rest }
}

describe('one port', () => {
  test.each<[string, PublishedSpec]>([
    ['80', spec(80)],
    ['1', spec(1)],
    ['65535', spec(65_535)],
    [':80', spec(80)],
    ['0:80', spec(80)],
    ['8080:80', spec(80, { host: 8080 })],
    ['8080:80/tcp', spec(80, { host: 8080 })],
    ['80/udp', spec(80, { protocol: 'udp' })],
    ['80/UDP', spec(80, { protocol: 'udp' })],
    ['127.0.0.1::80', spec(80, { address: '127.0.0.1' })],
    ['127.0.0.1:0:80', spec(80, { address: '127.0.0.1' })],
    ['127.0.0.1:8080:80/udp', spec(80, { host: 8080, address: '127.0.0.1', protocol: 'udp' })],
    ['0.0.0.0:8080:80', spec(80, { host: 8080, address: '0.0.0.0' })],
    ['[::1]:8080:80', spec(80, { host: 8080, address: '::1' })],
    ['[::1]::80', spec(80, { address: '::1' })],
    ['[::]:8080:80/udp', spec(80, { host: 8080, address: '::', protocol: 'udp' })],
  ])('%s', (text, expected) => {
    expect(parsePublished(text)).toEqual([expected])
  })
})

describe('ranges', () => {
  test('as many of the host as of the container go by pairs', () => {
    expect(parsePublished('8000-8002:9000-9002')).toEqual([
      spec(9000, { host: 8000 }),
      spec(9001, { host: 8001 }),
      spec(9002, { host: 8002 }),
    ])
    expect(parsePublished('[::1]:53-54:53-54/udp')).toEqual([
      spec(53, { host: 53, address: '::1', protocol: 'udp' }),
      spec(54, { host: 54, address: '::1', protocol: 'udp' }),
    ])
  })

  test('of the container alone each gets any free host port', () => {
    expect(parsePublished('8000-8002')).toEqual([spec(8000), spec(8001), spec(8002)])
    expect(parsePublished('127.0.0.1::8000-8001')).toHaveLength(2)
    expect(parsePublished('8000-8000')).toEqual([spec(8000)])
  })

  test('of the host are tried for one port of the container', () => {
    expect(parsePublished('8000-8010:80')).toEqual([spec(80, { host: 8000, lastHost: 8010 })])
  })
})

describe('what is refused says why', () => {
  test.each<[string, string]>([
    ['', 'invalid container port ""'],
    ['x', 'invalid container port "x"'],
    ['80:', 'invalid container port ""'],
    ['0', 'invalid container port "0"'],
    ['80:0', 'invalid container port "0"'],
    ['65536', 'invalid container port "65536"'],
    ['80:123456', 'invalid container port "123456"'],
    ['65536:80', 'invalid host port "65536"'],
    ['-1:80', 'invalid host port "-1"'],
    ['+80', 'invalid container port "+80"'],
    [' 80', 'invalid container port " 80"'],
    ['80\n', 'invalid container port "80\n"'],
    ['0-5:80', 'invalid host port "0-5"'],
    ['1-65536:80', 'invalid host port "1-65536"'],
    ['1-2-3:80', 'invalid host port "1-2-3"'],
    ['8002-8000:80', 'the range "8002-8000" ends before it begins'],
    ['8000-8001:9000-9002', 'the ranges differ in size'],
    ['8000:9000-9002', 'the ranges differ in size'],
    ['1-65535', 'has more than 128 ports'],
    ['80/sctp', 'SCTP is not forwarded'],
    ['80/icmp', 'unknown protocol "icmp"'],
    ['80/', 'unknown protocol ""'],
    ['80/tcp/udp', 'unknown protocol "tcp/udp"'],
    ['localhost:8080:80', '"localhost" is not an IP address'],
    ['256.0.0.1:8080:80', '"256.0.0.1" is not an IP address'],
    ['[fe80::1%eth0]:8080:80', 'is not an IP address'],
    ['[]:8080:80', '"" is not an IP address'],
    ['[::1]:80', 'not a port'],
    ['[::1]80', 'invalid container port'],
    ['::1:8080:80', 'not a port'],
    ['1:2:3:4', 'not a port'],
  ])('%j', (text, why) => {
    const failing = (): unknown => parsePublished(text)
    expect(failing).toThrow(why)
    expect(failing).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION', phase: 'create' }))
  })
})
