import { expect, test } from 'vitest'
import { CreditWindow } from '../../../src/rootless/client/credit-window.ts'

test('credit is returned in halves of the window, and only for what was consumed', () => {
  const granted: number[] = []
  const window = new CreditWindow(100, (bytes) => granted.push(bytes))
  window.received(60)
  window.consumed(49)
  expect(granted).toEqual([])
  window.consumed(1)
  expect(granted).toEqual([50])
  window.received(90)
  window.consumed(10)
  expect(granted).toEqual([50])
  window.consumed(90)
  expect(granted).toEqual([50, 100])
})

test('a log record over the credit does not make the window grow', () => {
  let allowed = 100
  const window = new CreditWindow(100, (bytes) => (allowed += bytes))
  for (let round = 0; round < 100; round++) {
    // The keeper sends whole records while it has any credit, and counts what is over as nothing.
    allowed = Math.max(0, allowed - 170)
    window.received(170)
    window.consumed(170)
    expect(allowed).toBe(100)
  }
})
