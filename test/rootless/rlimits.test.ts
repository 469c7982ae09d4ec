import { expect, test } from 'vitest'
import { parseRlimits, parseUlimit, unlimited } from '../../src/rootless/rlimits.ts'

test("reads docker's form", () => {
  expect(parseUlimit('nofile=1024:2048')).toEqual({ resource: 7, soft: 1024n, hard: 2048n })
  expect(parseUlimit('nproc=100')).toEqual({ resource: 6, soft: 100n, hard: 100n })
  expect(parseUlimit('core=-1:-1')).toEqual({ resource: 4, soft: unlimited, hard: unlimited })
  expect(parseUlimit('memlock=0:unlimited')).toEqual({ resource: 8, soft: 0n, hard: unlimited })
})

test('reads an object', () => {
  expect(parseRlimits({ nofile: { soft: 1024, hard: 2048 }, core: 0, as: 2n ** 40n, stack: { soft: 8192 } })).toEqual([
    { resource: 7, soft: 1024n, hard: 2048n },
    { resource: 4, soft: 0n, hard: 0n },
    { resource: 9, soft: 2n ** 40n, hard: 2n ** 40n },
    { resource: 3, soft: 8192n, hard: 8192n },
  ])
  expect(parseRlimits({ fsize: 'unlimited', cpu: -1 })).toEqual([
    { resource: 1, soft: unlimited, hard: unlimited },
    { resource: 0, soft: unlimited, hard: unlimited },
  ])
})

test.each([
  'nofile',
  'nofile=',
  '=1',
  'nofile=1:2:3',
  'nofile=a',
  'nofile=1:',
  'nofile=-2',
  'nofile=1.5',
  'nofile=1e3',
  '',
])('refuses "%s"', (text) => {
  expect(() => parseUlimit(text)).toThrow(/Hint: Write/)
})

test('refuses what is no limit in an object', () => {
  expect(() => parseRlimits({ nofile: 1.5 })).toThrow(/"nofile" is not a number/)
  expect(() => parseRlimits({ nofile: 2n ** 64n })).toThrow(/is not a number/)
  expect(() => parseRlimits({ nofile: null as never })).toThrow(/is not a number/)
  expect(() => parseRlimits({ nofile: {} as never })).toThrow(/is not a number/)
})

test('refuses a soft limit above the hard one', () => {
  expect(() => parseUlimit('nofile=2:1')).toThrow(/Soft limit 2 of "nofile" is above its hard limit 1/)
  expect(() => parseUlimit('nofile=-1:1')).toThrow(/above its hard limit/)
})

test('suggests the closest name', () => {
  expect(() => parseUlimit('nofiles=1')).toThrow(/Did you mean "nofile"/)
  expect(() => parseUlimit('frobnicate=1')).toThrow(/Write one of cpu, fsize/)
})
