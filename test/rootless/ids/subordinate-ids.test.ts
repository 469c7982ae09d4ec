import { describe, expect, it } from 'vitest'
import {
  parseAccountIds,
  parseGetsubids,
  parseIdMap,
  parseSubordinateEntries,
  parseSubordinateIds,
  usesOtherSource,
} from '../../../src/rootless/ids/subordinate-ids.ts'

describe('parseSubordinateIds', () => {
  it('finds the lines of a name and of its number, in order', () => {
    const text = 'other:1:2\ndev:100000:65536\n1000:300000:10\ndev:200000:5\n'
    expect(parseSubordinateIds(text, 'dev', 1000)).toEqual([
      { start: 100_000, count: 65_536 },
      { start: 300_000, count: 10 },
      { start: 200_000, count: 5 },
    ])
  })

  it('takes names with a domain part and special characters literally', () => {
    const text = 'CORP\\ann.b:5000:10\nCORPxannxb:9:9\nann@corp.example:6000:10\n'
    expect(parseSubordinateIds(text, 'CORP\\ann.b', 7)).toEqual([{ start: 5000, count: 10 }])
    expect(parseSubordinateIds(text, 'ann@corp.example', 7)).toEqual([{ start: 6000, count: 10 }])
  })

  it('ignores comments, broken lines, empty ranges and IDs that no kernel has', () => {
    const text = '#dev:1:2\ndev:x:5\ndev:5\ndev:5:0\ndev:4294967295:1\n dev:7:7\ndev:1:2:3\n'
    expect(parseSubordinateIds(text, 'dev', 1000)).toEqual([])
  })

  it('cuts a range at the last ID and reads a last line without a newline', () => {
    expect(parseSubordinateIds('dev:4294967290:100', 'dev', 1)).toEqual([{ start: 4_294_967_290, count: 5 }])
  })

  it('works for a user ID without a name', () => {
    expect(parseSubordinateIds('1000:5:5\n', undefined, 1000)).toEqual([{ start: 5, count: 5 }])
  })
})

it('lists every line with its owner', () => {
  expect(parseSubordinateEntries('a:1:2\n# b:1:2\n5:3:4\n')).toEqual([
    { owner: 'a', start: 1, count: 2 },
    { owner: '5', start: 3, count: 4 },
  ])
})

it('reads what getsubids prints, and nothing out of its error', () => {
  expect(parseGetsubids('0: dev 100000 65536\n1: dev 300000 7\n')).toEqual([
    { start: 100_000, count: 65_536 },
    { start: 300_000, count: 7 },
  ])
  expect(parseGetsubids('Error fetching ranges\n')).toEqual([])
})

it('notices a source of subordinate IDs other than the files', () => {
  expect(usesOtherSource('passwd: files\nsubid: sss\n')).toBe(true)
  expect(usesOtherSource('subid: files # local\n')).toBe(false)
  expect(usesOtherSource('passwd: files sss\n')).toBe(false)
})

it('reads the IDs of this namespace and of the accounts', () => {
  expect(parseIdMap('         0       1000          1\n         1     100000      65536\n')).toEqual([
    { start: 0, count: 1 },
    { start: 1, count: 65_536 },
  ])
  expect(parseAccountIds('root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n')).toEqual([
    { start: 0, count: 1 },
    { start: 65_534, count: 1 },
  ])
})
