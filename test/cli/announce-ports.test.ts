import { expect, test } from 'vitest'
import { portLines } from '../../src/cli/announce-ports.ts'
import { boundLines } from '../../src/cli/port-command.ts'
import type { PublishedPort } from '../../src/containers/ports.ts'

const port = (container: number, host: number, rest: Partial<PublishedPort> = {}): PublishedPort => {
  return { container, host, address: '127.0.0.1', protocol: 'tcp', ...rest }
}

test('only ports that nobody could know are announced, of a pair the first', () => {
  const published = [
    port(80, 8080),
    port(80, 8080, { address: '::1' }),
    port(90, 41_000),
    port(90, 41_000, { address: '::1' }),
  ]
  expect(portLines(published, ['8080:80', '90'])).toBe('127.0.0.1:41000 -> 90\n')
  expect(portLines([port(80, 8003)], ['8000-8010:80'])).toBe('127.0.0.1:8003 -> 80\n')
  expect(portLines([port(80, 80, { address: '::1' })], ['[::1]::80'])).toBe('[::1]:80 -> 80\n')
})

test('UDP is said, and apart from TCP of the same number', () => {
  const published = [port(53, 53), port(53, 53, { protocol: 'udp' })]
  expect(portLines(published, ['53:53', '53/udp'])).toBe('127.0.0.1:53 -> 53/udp\n')
})

test("a running container's ports are listed in docker's form", () => {
  const ports = [
    port(5432, 40_002),
    port(80, 40_001),
    port(80, 40_001, { address: '::1' }),
    port(53, 53, { protocol: 'udp' }),
  ]
  expect(boundLines(ports, undefined, 'web').split('\n')).toEqual([
    ...[
      '53/udp -> 127.0.0.1:53',
      '80/tcp -> 127.0.0.1:40001',
      '80/tcp -> [::1]:40001',
      '5432/tcp -> 127.0.0.1:40002',
      '',
    ],
  ])
  expect(boundLines(ports, { container: 80, protocol: 'tcp' }, 'web')).toBe('127.0.0.1:40001\n[::1]:40001\n')
  expect(boundLines([], undefined, 'web')).toBe('')
  expect(() => boundLines(ports, { container: 80, protocol: 'udp' }, 'web')).toThrow(
    expect.objectContaining({ code: 'ERR_PORT_NOT_PUBLISHED' }),
  )
})
