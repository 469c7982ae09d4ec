import { expect, it } from 'vitest'
import {
  containerId,
  fitToKernel,
  hostId,
  intersect,
  mapText,
  subtract,
  withoutRepeats,
} from '../../../src/rootless/ids/extents.ts'

const extents = [
  { inside: 0, outside: 1000, count: 1 },
  { inside: 1, outside: 100_000, count: 65_536 },
]

it('writes the text of a map', () => {
  expect(mapText(extents)).toBe('0 1000 1\n1 100000 65536\n')
})

it('translates IDs both ways and leaves unmapped ones undefined', () => {
  expect([0, 1, 999, 65_536].map((id) => hostId(extents, id))).toEqual([1000, 100_000, 100_998, 165_535])
  expect([1000, 100_000, 165_535].map((id) => containerId(extents, id))).toEqual([0, 1, 65_536])
  expect([hostId(extents, 65_537), containerId(extents, 0), containerId(extents, 165_536)]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

it('keeps a map within one write of the kernel', () => {
  const many = Array.from({ length: 400 }, (_, index) => ({ inside: index, outside: index * 2, count: 1 }))
  expect(fitToKernel(many)).toHaveLength(340)
  const long = many.map((extent) => ({ ...extent, outside: extent.outside + 1_000_000_000, count: 65_536 }))
  expect(mapText(fitToKernel(long)).length).toBeLessThan(4096)
})

it('cuts and joins ranges', () => {
  const range = { start: 10, count: 10 }
  expect(subtract([range], [{ start: 12, count: 3 }])).toEqual([
    { start: 10, count: 2 },
    { start: 15, count: 5 },
  ])
  expect(subtract([range], [{ start: 0, count: 100 }])).toEqual([])
  expect(intersect([range], [{ start: 15, count: 100 }])).toEqual([{ start: 15, count: 5 }])
  expect(withoutRepeats([range, { start: 5, count: 10 }])).toEqual([range, { start: 5, count: 5 }])
})
