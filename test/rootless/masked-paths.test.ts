import { expect, test } from 'vitest'
import { maskedPaths, parseCpuList, readOnlyPaths } from '../../src/rootless/masked-paths.ts'

test('reads the list of processors of the kernel', () => {
  expect(parseCpuList('0\n')).toEqual([0])
  expect(parseCpuList('0-2,8,10-11\n')).toEqual([0, 1, 2, 8, 10, 11])
  expect(parseCpuList('\n')).toEqual([])
})

test('masks what Docker masks, with the throttle counters of each processor', () => {
  const paths = maskedPaths([0, 3])
  expect(paths).toContain('/proc/kcore')
  expect(paths).toContain('/proc/interrupts')
  expect(paths).toContain('/sys/firmware')
  expect(paths.slice(-2)).toEqual([
    '/sys/devices/system/cpu/cpu0/thermal_throttle',
    '/sys/devices/system/cpu/cpu3/thermal_throttle',
  ])
})

test('names no path twice and none below another', () => {
  const paths = [...maskedPaths([0, 1]), ...readOnlyPaths]
  for (const path of paths) expect(paths.filter((other) => `${other}/`.startsWith(`${path}/`))).toEqual([path])
})
