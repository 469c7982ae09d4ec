import { expect, test } from 'vitest'
import { foreignText } from '../../../src/images/registry/foreign-text.ts'
import { parseRetryAfter } from '../../../src/images/registry/retry-after.ts'

const time = Date.UTC(2026, 0, 1)

test.each([
  ['0', 0],
  [' 120 ', 120_000],
  ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
  ['Thu, 01 Jan 2015 00:00:00 GMT', 0],
  ['-1', undefined],
  ['1e9', undefined],
  ['99999999999999', undefined],
  ['2026', 2026_000],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After %j is a wait of %s ms', (value, expected) => {
  expect(parseRetryAfter(value, time)).toBe(expected)
})

test('foreign text is on one line, short, and nothing that a terminal obeys', () => {
  expect(foreignText(' a\u001b[31mb\r\n\u202ec\u0000 ')).toBe('a [31mb c')
  expect(foreignText('x'.repeat(500), 10)).toBe(`${'x'.repeat(10)}…`)
})
