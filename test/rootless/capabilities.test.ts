import { expect, test } from 'vitest'
import {
  beyondDefault,
  capabilityNames,
  defaultCapabilities,
  resolveCapabilities,
} from '../../src/rootless/capabilities.ts'

test('knows 41 capabilities by their bits', () => {
  expect(capabilityNames).toHaveLength(41)
  expect(capabilityNames.indexOf('CAP_SYS_ADMIN')).toBe(21)
  expect(capabilityNames.indexOf('CAP_CHECKPOINT_RESTORE')).toBe(40)
})

test("grants podman's eleven when nothing is asked for", () => {
  const { mask, names } = resolveCapabilities()
  expect(names).toEqual(defaultCapabilities)
  expect(names).toHaveLength(11)
  // CapEff of a process in `podman run`.
  expect(mask).toBe(0x800405fbn)
})

test('adds and drops by any spelling of a name', () => {
  const { names } = resolveCapabilities({ add: ['net_raw', 'CAP_SYS_PTRACE'], drop: ['cap_chown', 'Kill'] })
  expect(names).toContain('CAP_NET_RAW')
  expect(names).toContain('CAP_SYS_PTRACE')
  expect(names).not.toContain('CAP_CHOWN')
  expect(names).not.toContain('CAP_KILL')
  expect(names).toHaveLength(11)
})

test('lists names in the order of their bits', () => {
  expect(resolveCapabilities({ add: ['NET_RAW', 'CHOWN'], drop: ['ALL'] }).names).toEqual(['CAP_CHOWN', 'CAP_NET_RAW'])
})

test('takes ALL in either list', () => {
  expect(resolveCapabilities({ drop: ['all'] })).toEqual({ mask: 0n, names: [] })
  expect(resolveCapabilities({ add: ['ALL'] }).mask).toBe(2n ** 41n - 1n)
  expect(resolveCapabilities({ add: ['ALL'], drop: ['SYS_ADMIN'] }).mask).toBe(2n ** 41n - 1n - (1n << 21n))
})

test('refuses a name in both lists', () => {
  expect(() => resolveCapabilities({ add: ['KILL'], drop: ['CAP_KILL'] })).toThrow(/both add and drop.*"CAP_KILL"/)
  expect(() => resolveCapabilities({ add: ['ALL'], drop: ['ALL'] })).toThrow(/both add and drop/)
})

test('refuses an unknown name and suggests the closest one', () => {
  expect(() => resolveCapabilities({ add: ['SYS_ADMN'] })).toThrow(/"SYS_ADMN"\n.*Did you mean "CAP_SYS_ADMIN"/)
  expect(() => resolveCapabilities({ drop: ['frobnicate'] })).toThrow(/See capabilities\(7\)/)
  expect(() => resolveCapabilities({ add: [''] })).toThrow(/Unknown capability/)
})

test('tells sets apart that go beyond the default', () => {
  expect(beyondDefault(resolveCapabilities().mask)).toBe(false)
  expect(beyondDefault(resolveCapabilities({ drop: ['ALL'] }).mask)).toBe(false)
  expect(beyondDefault(resolveCapabilities({ add: ['NET_RAW'], drop: ['KILL'] }).mask)).toBe(true)
})
