import { expect, test } from 'vitest'
import { readHostResolvers, type HostResolvers } from '../../../src/networks/names/host-resolvers.ts'

test.each<[string, string, Partial<HostResolvers>]>([
  ['a missing file', '', { resolvers: ['127.0.0.1'], search: [], ndots: 1 }],
  ['comments only', '# nameserver 192.0.2.1\n; nameserver 192.0.2.2\n', { resolvers: ['127.0.0.1'] }],
  ['one server', 'nameserver 192.0.2.1\n', { resolvers: ['192.0.2.1'] }],
  [
    'no final newline, tabs and CRLF',
    'nameserver\t192.0.2.1\r\nnameserver  192.0.2.2',
    { resolvers: ['192.0.2.1', '192.0.2.2'] },
  ],
  ['words behind the address', 'nameserver 192.0.2.1 # home', { resolvers: ['192.0.2.1'] }],
  ['IPv6 with a scope', 'nameserver fe80::1%eth0\nnameserver ::1', { resolvers: ['fe80::1%eth0', '::1'] }],
  [
    'four servers and one that is no address',
    ['192.0.2.1', 'example.org', '192.0.2.2', '192.0.2.3', '192.0.2.4'].map((one) => `nameserver ${one}\n`).join(''),
    { resolvers: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] },
  ],
  ['a keyword without a value', 'nameserver\nsearch\n', { resolvers: ['127.0.0.1'], search: [] }],
  ['an indented line', ' nameserver 192.0.2.1\n', { resolvers: ['127.0.0.1'] }],
  [
    'the last of several search lines',
    'search a.test b.test\nsearch c.test d.test\n',
    { search: ['c.test', 'd.test'] },
  ],
  ['domain behind search', 'search a.test b.test\ndomain c.test d.test\n', { search: ['c.test'] }],
  ['options', 'options rotate ndots:5 timeout:1\n', { ndots: 5 }],
  ['the last of several ndots, up to 15', 'options ndots:2\noptions ndots:99\n', { ndots: 15 }],
  ['ndots without a number', 'options ndots: ndots:x\n', { ndots: 1 }],
])('%s is read as the C library does', (_, text, expected) => {
  expect(readHostResolvers(text)).toMatchObject(expected)
})
