import { describe, expect, test } from 'vitest'
import { parseBoundPorts } from '../../src/containers/bound-ports.ts'
import { requestPorts } from '../../src/containers/ports.ts'
import type { ContainerOptions } from '../../src/containers/options.ts'

describe('what is asked of the keeper', () => {
  test('numbers, objects and texts may stand side by side', () => {
    const ports = requestPorts([5432, '127.0.0.1:8080:80', { container: 53, protocol: 'udp', address: '::1' }])
    expect(
      ports.map(({ address, hostPort, containerPort, protocol }) => [address, hostPort, containerPort, protocol]),
    ).toEqual([
      ['127.0.0.1', 0, 5432, 'tcp'],
      ['::1', 0, 5432, 'tcp'],
      ['127.0.0.1', 8080, 80, 'tcp'],
      ['::1', 0, 53, 'udp'],
    ])
  })

  test.each<[NonNullable<ContainerOptions['ports']>, string]>([
    [['80/sctp'], 'SCTP'],
    [[0], 'Cannot use 0 as port'],
    [[{ container: 80, host: 65_536 }], 'Cannot use 65536 as host port'],
    [[{ container: 80, protocol: 'sctp' as 'tcp' }], 'protocol of a port'],
    [[{ container: 80, address: 'localhost' }], 'address of a port'],
    [['exposed'], 'only images expose ports'],
    [['1000-1064'], 'more than 128 sockets'],
  ])('%j is refused', (ports, why) => {
    expect(() => requestPorts(ports)).toThrow(why)
  })

  test('with an address there is room for twice as many', () => {
    expect(requestPorts(['127.0.0.1::1000-1127'])).toHaveLength(128)
  })
})

describe('what the keeper lists', () => {
  test('is read, and what is malformed is left out', () => {
    expect(parseBoundPorts('tcp 127.0.0.1 40123 80;tcp ::1 40123 80;udp 0.0.0.0 53 53')).toEqual([
      { protocol: 'tcp', address: '127.0.0.1', host: 40_123, container: 80 },
      { protocol: 'tcp', address: '::1', host: 40_123, container: 80 },
      { protocol: 'udp', address: '0.0.0.0', host: 53, container: 53 },
    ])
    for (const none of [
      '',
      ';',
      'tcp',
      'tcp 127.0.0.1 80',
      'sctp 127.0.0.1 1 2',
      'tcp host 1 2',
      'tcp ::1 0 2',
      'tcp ::1 1 2 3',
    ]) {
      expect(parseBoundPorts(none), none).toEqual([])
    }
  })
})
