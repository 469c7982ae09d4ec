import { expect, test } from 'vitest'
import type { LogPiece } from '../../src/cli/log-pieces.ts'
import { LineCutter, pieceText, withinBounds } from '../../src/cli/log-pieces.ts'

const all = { tail: Infinity, since: -Infinity, until: Infinity }
const text = (pieces: readonly LogPiece[], timestamps = false): string =>
  pieces.map((piece) => pieceText(piece, timestamps).toString()).join('')

function pieces(): LogPiece[] {
  const cutter = new LineCutter()
  return [
    ['stdout', 1000, 'one\ntw'] as const,
    ['stderr', 2000, 'error\n'] as const,
    ['stdout', 3000, 'o\n\nthree'] as const,
  ].flatMap(([stream, time, data]) => cutter.cut({ stream, time, data: Buffer.from(data) }))
}

test('lines that were not written at once stay one, with the time of their beginning', () => {
  expect(pieces().map(({ line }) => line)).toEqual([0, 1, 2, 1, 3, 4])
  const timed = text(
    pieces().filter(({ stream }) => stream === 'stdout'),
    true,
  )
  expect(timed).toBe(
    '1970-01-01T00:00:01.000Z one\n1970-01-01T00:00:01.000Z two\n1970-01-01T00:00:03.000Z \n1970-01-01T00:00:03.000Z three',
  )
})

test('the last lines are counted over both outputs, and bounds of time are those of lines', () => {
  expect(text(withinBounds(pieces(), all))).toBe('one\ntwerror\no\n\nthree')
  expect(text(withinBounds(pieces(), { ...all, tail: 2 }))).toBe('\nthree')
  expect(text(withinBounds(pieces(), { ...all, tail: 0 }))).toBe('')
  expect(text(withinBounds(pieces(), { ...all, since: 1500, until: 2500 }))).toBe('error\n')
  expect(text(withinBounds(pieces(), { ...all, until: 2500, tail: 2 }))).toBe('twerror\no\n')
})
