import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { operations } from '../../../src/rootless/protocol/operations.ts'

test('operations are those that the keeper was compiled with', () => {
  const source = readFileSync(new URL('../../../src/rootless/keeper/ops.def', import.meta.url), 'utf8')
  const compiled = [...source.matchAll(/^OP\((\d+), (\w+), "(\w*)"\)/gm)].map(([, number, name, fields]) => [
    name,
    [Number(number), fields],
  ])
  const ours = Object.entries(operations).map(([name, [number, fields]]) => [name, [number, fields]])
  expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(compiled))
  expect(compiled.length).toBeGreaterThan(0)
})

test('every field has a name', () => {
  for (const [name, [, fields, names]] of Object.entries(operations)) {
    expect([name, names.length]).toEqual([name, fields.length])
    expect(fields).toMatch(/^[usbv]*$/)
  }
})
