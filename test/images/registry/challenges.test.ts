import { expect, test } from 'vitest'
import { parseChallenges } from '../../../src/images/registry/challenges.ts'

const read = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])

test.each([
  ['Basic', [['basic', {}]]],
  [
    'Bearer realm="https://a.example/t",service="x",scope="repository:a/b:pull,push"',
    [['bearer', { realm: 'https://a.example/t', service: 'x', scope: 'repository:a/b:pull,push' }]],
  ],
  ['BEARER Realm=https://a.example , SERVICE = y', [['bearer', { realm: 'https://a.example', service: 'y' }]]],
  [
    'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
    [
      ['newauth', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
      ['basic', { realm: 'simple' }],
    ],
  ],
  [
    'Negotiate, NTLM, Basic realm="x"',
    [
      ['negotiate', {}],
      ['ntlm', {}],
      ['basic', { realm: 'x' }],
    ],
  ],
  [
    'Negotiate YIIabc=, Basic realm="x, Bearer realm=\\"y"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'x, Bearer realm="y' }],
    ],
  ],
  ['Bearer realm="unclosed', [['bearer', {}]]],
  [' , ,Basic realm="a"', [['basic', { realm: 'a' }]]],
  ['', []],
  ['"', []],
  ['=x', []],
])('%s', (header, expected) => {
  expect(read(header)).toEqual(expected)
})

test('long and twisted headers are read in no time', () => {
  const began = performance.now()
  expect(read(`Bearer ${'a'.repeat(100_000)}`)).toEqual([])
  read(`Bearer ${'a,'.repeat(4000)}`)
  read(`Bearer realm="${'\\"'.repeat(4000)}`)
  read(`${'a'.repeat(8000)}=`)
  expect(performance.now() - began).toBeLessThan(500)
})
