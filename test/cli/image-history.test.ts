import { expect, test } from 'vitest'
import { historyOf } from '../../src/cli/image-history.ts'

const entry = (createdBy: string, emptyLayer = false) => ({
  ...{ created: '2026-01-01T00:00:00Z', createdBy, comment: undefined, author: undefined, emptyLayer },
})

test('sizes belong to the entries that have a layer, newest first', () => {
  const lines = historyOf({ created: undefined, history: [entry('ADD'), entry('ENV', true), entry('RUN')] }, [10, 20])
  expect(lines.map(({ createdBy, bytes }) => [createdBy, bytes])).toEqual([
    ['RUN', 20],
    ['ENV', 0],
    ['ADD', 10],
  ])
})

test('layers that the history does not know have a line all the same', () => {
  const lines = historyOf({ created: 'x', history: [entry('ADD')] }, [10, 20, undefined])
  expect(lines.map(({ createdBy, bytes, created }) => [createdBy, bytes, created])).toEqual([
    ['', 0, 'x'],
    ['', 20, 'x'],
    ['ADD', 10, '2026-01-01T00:00:00Z'],
  ])
})

test('a history of more layers than there are is no error', () => {
  expect(historyOf({ created: undefined, history: [entry('A'), entry('B')] }, [1]).map(({ bytes }) => bytes)).toEqual([
    0, 1,
  ])
})
