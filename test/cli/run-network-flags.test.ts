import { describe, expect, test } from 'vitest'
import { parseRun } from '../../src/cli/run-flags.ts'
import type { ContainerOptions } from '../../src/containers/options.ts'

const around = { env: {}, readText: () => '' }
const options = (...flags: string[]): ContainerOptions => parseRun([...flags, 'host', 'true'], around)!.options
const network = (...flags: string[]): unknown => options(...flags).network

describe('--network', () => {
  test.each<[readonly string[], unknown]>([
    [[], undefined],
    [['--network', 'none'], 'none'],
    [['--net', 'host'], 'host'],
    [['--network', 'bridge'], 'session'],
    [['--network', 'default'], 'session'],
    [['--network=session'], 'session'],
    [['--network', 'web'], 'web'],
    [['--network', 'name=web'], 'web'],
    [['--network', 'container:db'], { container: 'db' }],
    [['--network', 'container:4cb732eea0cc'], { container: '4cb732eea0cc' }],
    [
      ['--network', 'web', '--network', 'back'],
      [{ network: 'web' }, { network: 'back' }],
    ],
    [
      ['--network', 'name=web,alias=db,alias=sql,ip=10.1.0.5,ip6=fd00::5'],
      [{ network: 'web', aliases: ['db', 'sql'], ip: '10.1.0.5', ip6: 'fd00::5' }],
    ],
    [
      ['--network', 'web', '--network', 'back', '--network-alias', 'a', '--net-alias', 'b', '--ip', '10.1.0.5'],
      [{ network: 'web', aliases: ['a', 'b'], ip: '10.1.0.5' }, { network: 'back' }],
    ],
    [['--network-alias', 'a'], [{ network: 'session', aliases: ['a'] }]],
    [['--network', 'web', '--ip6', 'fd00::5'], [{ network: 'web', ip6: 'fd00::5' }]],
  ])('%j', (flags, expected) => {
    expect(network(...flags)).toEqual(expected)
  })

  test.each<[readonly string[], string]>([
    [['--network', 'none', '--network', 'web'], 'Cannot use --network none with --network web'],
    [['--network', 'web', '--network', 'container:a'], 'go with no other'],
    [['--network', 'host', '--ip', '10.1.0.5'], 'Cannot use --ip with --network host'],
    [['--network', 'none', '--network-alias', 'a'], 'Cannot use --network-alias with --network none'],
    [['--network', 'container:'], 'Cannot share the network of no container'],
    [['--network', 'slirp4netns'], 'Write --egress=slirp4netns'],
    [['--network', ''], 'Cannot use the network ""'],
    [['--network', 'alias=a'], 'no name'],
    [['--network', 'name=web,mac-address=02:42:0a:00:00:01'], 'Cannot use "mac-address=02:42:0a:00:00:01"'],
    [['--network', 'name=host,ip=10.1.0.5'], '"host" takes no settings'],
    [['--network', 'name=web,alias=a', '--network-alias', 'b'], 'Write all of them as alias='],
    [['--link', 'db:db'], 'networks took the place of links'],
    [['--mac-address', '02:42:0a:00:00:01'], 'Fix that one with --ip'],
  ])('%j is refused', (flags, why) => {
    expect(() => network(...flags)).toThrow(why)
  })
})

describe('ports', () => {
  const image = (...flags: string[]): unknown => parseRun([...flags, 'nginx'], around)!.options.ports

  test('are kept as they were written, and checked at once', () => {
    expect(options('-p', '80', '-p', '127.0.0.1:8000-8010:80/udp').ports).toEqual(['80', '127.0.0.1:8000-8010:80/udp'])
    expect(() => options('-p', '80/sctp')).toThrow('Cannot publish "80/sctp": SCTP is not forwarded')
    expect(options().ports).toBeUndefined()
  })

  test('-P publishes those of the image and of --expose, but for those that -p names', () => {
    expect(image('-P')).toEqual(['exposed'])
    expect(image('-P', '-p', '80')).toEqual(['80', 'exposed'])
    expect(image('-P', '-P=false', '-p', '80')).toEqual(['80'])
    expect(image('--expose', '80')).toBeUndefined()
    expect(image('-P', '--expose', '80', '--expose', '53/udp', '-p', '8080:80', '--expose', '53/udp')).toEqual([
      ...['8080:80', { container: 53, protocol: 'udp' }, 'exposed'],
    ])
    expect(options('-P', '--expose', '8000-8001').ports).toEqual([
      { container: 8000, protocol: 'tcp' },
      { container: 8001, protocol: 'tcp' },
    ])
    expect(() => options('--expose', '8080:80')).toThrow('Cannot expose "8080:80"')
  })
})

describe('ways out', () => {
  test.each<[readonly string[], ContainerOptions['egress']]>([
    [[], undefined],
    [['--egress'], true],
    [['--egress=true'], true],
    [['--egress=slirp4netns'], 'slirp4netns'],
    [['--egress=pasta'], 'pasta'],
    [['--egress=false'], false],
    [['--no-egress'], false],
    [['--no-egress=false'], true],
  ])('%j', (flags, expected) => {
    expect(options(...flags).egress).toBe(expected)
  })

  test('--egress takes no word after it', () => {
    expect(parseRun(['--egress', 'host', 'true'], around)!.options).toMatchObject({ image: 'host', egress: true })
    expect(() => options('--egress=vpnkit')).toThrow('Cannot use "vpnkit" as --egress')
  })

  test('--host-access is given port by port', () => {
    expect(options('--host-access', '3000', '--host-access=5432').hostAccess).toEqual([3000, 5432])
    for (const bad of ['0', '65536', 'http', '1-2']) {
      expect(() => options('--host-access', bad), bad).toThrow('as --host-access')
    }
  })
})

describe('names', () => {
  test('--add-host takes both separators, brackets, and several addresses', () => {
    const hosts = ['a:192.0.2.1', 'a:fd00::1', 'b=[fd00::2]', 'c:::1', 'd:host-gateway', '__proto__:192.0.2.2']
    expect(Object.entries(options(...hosts.flatMap((host) => ['--add-host', host])).extraHosts ?? {})).toEqual([
      ...[
        ['a', ['192.0.2.1', 'fd00::1']],
        ['b', ['fd00::2']],
        ['c', ['::1']],
        ['d', ['host-gateway']],
      ],
      ['__proto__', ['192.0.2.2']],
    ])
    for (const bad of ['a', ':192.0.2.1', 'a:', '']) expect(() => options('--add-host', bad), bad).toThrow('--add-host')
  })

  test('servers, domains and options of resolvers', () => {
    const flags = ['--dns', '192.0.2.1', '--dns', 'fd00::1', '--dns-search', 'a.test', '--dns-option', 'ndots:1']
    expect(options(...flags, '--dns-opt', 'rotate')).toMatchObject({
      ...{ dns: ['192.0.2.1', 'fd00::1'], dnsSearch: ['a.test'], dnsOptions: ['ndots:1', 'rotate'] },
    })
  })
})
