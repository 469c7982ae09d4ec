import { expect, test } from 'vitest'
import { closestName } from '../../src/rootless/closest-name.ts'

const fruits = ['apple', 'pear', 'banana']

test('finds the name with the fewest changes', () => {
  expect(closestName('aple', fruits)).toBe('apple')
  expect(closestName('bananas', fruits)).toBe('banana')
  expect(closestName('pear', fruits)).toBe('pear')
})

test('finds nothing when all names are far', () => {
  expect(closestName('kiwi', fruits)).toBe(undefined)
  expect(closestName('', fruits)).toBe(undefined)
  expect(closestName('apple', [])).toBe(undefined)
})
