import { describe, expect, test } from 'vitest'
import { fitLabels, parseUntil, readFilters, switchOf } from '../../src/cli/read-filters.ts'

const filters = (...values: string[]): ReturnType<typeof readFilters> =>
  readFilters({ values: () => values }, ['dangling', 'label', 'label!', 'until'])

describe('filters', () => {
  test('of the same name come together, and values may have equals signs', () => {
    expect([...filters('label=a=1', 'label=b', 'dangling=true')]).toEqual([
      ['label', ['a=1', 'b']],
      ['dangling', ['true']],
    ])
  })

  test('that nobody knows are refused', () => {
    expect(() => filters('colour=red')).toThrow(/Cannot filter by "colour"\nHint: Filters here are dangling, label/)
    expect(() => filters('dangling')).toThrow(/Write --filter NAME=VALUE/)
  })

  test('of labels have to fit all, and those with an exclamation mark none', () => {
    const labels = { a: '1', b: '' }
    expect(fitLabels(labels, filters())).toBe(true)
    expect(fitLabels(labels, filters('label=a', 'label=a=1', 'label=b='))).toBe(true)
    expect(fitLabels(labels, filters('label=a', 'label=a=2'))).toBe(false)
    expect(fitLabels(labels, filters('label!=c'))).toBe(true)
    expect(fitLabels(labels, filters('label!=a=1'))).toBe(false)
    expect(fitLabels({}, filters('label=constructor'))).toBe(false)
  })

  test('that are switches are true or false', () => {
    expect(['true', '1', 'false', '0'].map((value) => switchOf(filters(`dangling=${value}`), 'dangling'))).toEqual([
      true,
      true,
      false,
      false,
    ])
    expect(switchOf(filters(), 'dangling')).toBeUndefined()
    expect(() => switchOf(filters('dangling=maybe'), 'dangling')).toThrow(/Write dangling=true/)
  })
})

describe('a time', () => {
  const now = Date.parse('2026-01-31T12:00:00Z')
  test.each([
    ['24h', '2026-01-30T12:00:00.000Z'],
    ['1h30m', '2026-01-31T10:30:00.000Z'],
    ['500ms', '2026-01-31T11:59:59.500Z'],
    ['1.5h', '2026-01-31T10:30:00.000Z'],
    ['1769774400', '2026-01-30T12:00:00.000Z'],
    ['2026-01-30', '2026-01-30T00:00:00.000Z'],
    ['2026-01-30T12:00:00+02:00', '2026-01-30T10:00:00.000Z'],
  ])('%s is %s', (text, time) => {
    expect(parseUntil(text, now).toISOString()).toBe(time)
  })

  test.each(['', 'yesterday', '3 days', '2026-13-01', '-1h'])('"%s" is refused', (text) => {
    expect(() => parseUntil(text, now)).toThrow(/Cannot use ".*" as a time/)
  })
})
