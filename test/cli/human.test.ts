import { describe, expect, test } from 'vitest'
import { humanAge, humanDuration, humanSize } from '../../src/cli/human.ts'

test.each([
  [0, '0B'],
  [999, '999B'],
  [1000, '1kB'],
  [86_020, '86kB'],
  [999_999, '1MB'],
  [1_982_671, '1.98MB'],
  [362_000_000, '362MB'],
  [1_204_000_000, '1.2GB'],
  [5e15, '5000TB'],
])('%d bytes are shown as %s', (bytes, text) => {
  expect(humanSize(bytes)).toBe(text)
})

describe('an age', () => {
  const now = Date.parse('2026-01-31T12:00:00Z')
  const ago = (seconds: number): string => humanAge(new Date(now - seconds * 1000).toISOString(), now)

  test('is in the words of docker', () => {
    expect(ago(0)).toBe('Less than a second ago')
    expect(ago(-60)).toBe('Less than a second ago')
    expect([1, 2, 59, 60, 119, 120].map(ago)).toEqual([
      '1 second ago',
      '2 seconds ago',
      '59 seconds ago',
      'About a minute ago',
      'About a minute ago',
      '2 minutes ago',
    ])
    const [hour, day] = [3600, 86_400]
    expect([hour, 2 * hour, 47 * hour, 2 * day, 13 * day, 14 * day].map(ago)).toEqual([
      'About an hour ago',
      '2 hours ago',
      '47 hours ago',
      '2 days ago',
      '13 days ago',
      '2 weeks ago',
    ])
    expect([60 * day, 800 * day].map(ago)).toEqual(['2 months ago', '2 years ago'])
  })

  test('that nobody knows is not made up', () => {
    expect(humanAge(undefined, now)).toBe('N/A')
    expect(humanAge('yesterday', now)).toBe('N/A')
  })
})

test('durations are short', () => {
  expect([50, 1900, 12_000, 200_000].map(humanDuration)).toEqual(['0.1s', '1.9s', '12s', '3m20s'])
})
