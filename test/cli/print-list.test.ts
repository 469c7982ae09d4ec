import { expect, test } from 'vitest'
import { alignColumns, shorten } from '../../src/cli/print-list.ts'

test('columns are as wide as their widest cell, and nothing follows the last', () => {
  expect(alignColumns(['NAME\tSIZE', 'a\t10MB', 'long name\t'])).toBe('NAME        SIZE\na           10MB\nlong name\n')
})

test('long texts end with an ellipsis', () => {
  expect(shorten('abcdef', 6)).toBe('abcdef')
  expect(shorten('abcdefg', 6)).toBe('abcde…')
  expect(shorten('🌱🌱🌱', 2)).toBe('🌱…')
})
