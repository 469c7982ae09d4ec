import { expect, test } from 'vitest'
import { encodeAddress, encodeSpawn } from '../../../src/rootless/client/spawn-request.ts'
import { FieldReader } from '../../../src/rootless/protocol/fields.ts'
import { FRAME_HEADER } from '../../../src/rootless/protocol/frames.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'

test.each([
  ['127.0.0.1', '7f000001000000000000000000000000'],
  ['::1', '00000000000000000000000000000001'],
  ['::', '00000000000000000000000000000000'],
  ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a'],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['fe80::', 'fe800000000000000000000000000000'],
  ['::ffff:192.168.0.1', '00000000000000000000ffffc0a80001'],
])('%s becomes 16 bytes', (address, bytes) => {
  expect(encodeAddress(address).toString('hex')).toBe(bytes)
})

test.each(['localhost', '', '1.2.3', 'fe80::1%eth0'])('"%s" is no address to listen on', (address) => {
  expect(() => encodeAddress(address)).toThrow('not an IP address')
})

test('a spawn request has the fields of docs/protocol.md, with defaults', () => {
  const plan = new Plan().hostExec(['/bin/true'], [])
  const read = (request: Parameters<typeof encodeSpawn>[0]): unknown[] => {
    const fields = new FieldReader(encodeSpawn(request).finish().subarray(FRAME_HEADER))
    const all = [
      fields.s(),
      fields.u(),
      fields.u(),
      fields.u(),
      fields.u(),
      fields.u(),
      fields.u(),
      fields.s(),
      fields.s(),
    ]
    const rest = [fields.b().toString('hex'), fields.s(), fields.s(), fields.b().equals(plan.encode())]
    fields.end()
    return [...all, ...rest]
  }
  expect(read({ kind: 'helper', plan })).toEqual(['', 2, 0, 0, 0, 0, 262144, '', '', '', '', '', true])
  const full = read({
    kind: 'container',
    plan,
    id: 'box',
    target: 3,
    namespaces: 0x6e020000,
    poolNetwork: true,
    tty: true,
    stdin: true,
    attached: true,
    logLimit: 65536,
    credit: 1000,
    scratch: '/s',
    cgroup: '/c',
    ports: [
      { containerPort: 80 },
      { address: '::1', containerPort: 80, hostPort: 8080, sameAsBefore: true, optional: true, protocol: 'tcp' },
      { containerPort: 53, protocol: 'udp' },
    ],
    peer: '10.0.0.1 10.0.0.2',
    meta: '{}',
  })
  const ports =
    '0400000050000000' +
    '7f000001'.padEnd(32, '0') +
    '0603901f50000000' +
    '1'.padStart(32, '0') +
    '0400000035000100' +
    '7f000001'.padEnd(32, '0')
  expect(full).toEqual(['box', 0, 3, 0x6e020000, 31, 65536, 1000, '/s', '/c', ports, '10.0.0.1 10.0.0.2', '{}', true])
})
