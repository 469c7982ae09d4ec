import { constants } from 'node:os'
import { expect, test } from 'vitest'
import { parseSignal, signalName } from '../../src/rootless/signals.ts'

test('reads names with and without SIG in any case, and numbers', () => {
  for (const written of ['SIGTERM', 'TERM', 'term', 'SigTerm', 15, '15']) expect(parseSignal(written)).toBe(15)
  expect(parseSignal('SIGPOLL')).toBe(29)
  expect(parseSignal(64)).toBe(64)
})

test('reads real-time signals, which systemd images stop by', () => {
  expect(parseSignal('SIGRTMIN')).toBe(34)
  expect(parseSignal('SIGRTMIN+3')).toBe(37)
  expect(parseSignal('RTMAX-1')).toBe(63)
})

test('agrees with the machine on every name', () => {
  for (const [name, number] of Object.entries(constants.signals)) expect(parseSignal(name), name).toBe(number)
})

test('names every number', () => {
  expect(signalName(9)).toBe('SIGKILL')
  expect(signalName(37)).toBe('SIGRTMIN+3')
  for (let number = 1; number <= 64; number++) {
    const name = signalName(number)
    if (name === undefined) expect([32, 33]).toContain(number)
    else expect(parseSignal(name)).toBe(number)
  }
  for (const number of [0, -1, 65, 1.5, 34.5, NaN]) expect(signalName(number)).toBe(undefined)
})

test.each([0, -1, 65, 1.5, NaN, Infinity, '', ' ', 'SIG', '-9', '0x9', '1e1', 'SIGRTMIN+31', 'RTMAX-40', 'SIGRTMAX+1'])(
  'refuses %j',
  (signal) => {
    expect(() => parseSignal(signal)).toThrow(/Unknown signal/)
  },
)

test('suggests the closest name', () => {
  expect(() => parseSignal('SIGTERMM')).toThrow(/Did you mean "SIGTERM"/)
})
