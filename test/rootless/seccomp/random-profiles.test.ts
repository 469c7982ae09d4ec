import { expect, test } from 'vitest'
import { compileSeccomp } from '../../../src/rootless/seccomp/compile.ts'
import type { ArgumentCondition, SeccompProfile, SeccompRule } from '../../../src/rootless/seccomp/profile.ts'
import { syscallTable } from '../../../src/rootless/seccomp/syscall-table.ts'
import { runFilter } from '../../support/bpf.ts'
import { archNumbers, modelOf } from '../../support/seccomp-model.ts'

const verdicts = [0x7fff0000, 0x7ffc0000, 0x50001, 0x50026, 0x5000d, 0x80000000, 0, 0x30000]
const operators = ['EQ', 'NE', 'LT', 'LE', 'GE', 'GT', 'MASKED_EQ'] as const
const values = [0n, 1n, 2n, 7n, 0xffffffffn, 2n ** 32n, 2n ** 32n + 7n, 7n * 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n]
const caps = ['CAP_SYS_ADMIN', 'CAP_BPF']

// mulberry32: the same profiles in every run.
function generator(seed: number) {
  let state = seed
  const random = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (most: number) => Math.floor(random() * most)
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!
  const some = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make)
  return { below, pick, some }
}

type Generator = ReturnType<typeof generator>

function randomCondition({ below, pick }: Generator): ArgumentCondition {
  const op = pick(operators)
  const condition = { index: below(6), op, value: pick(values) }
  return op === 'MASKED_EQ' ? { ...condition, valueTwo: pick([0n, condition.value, pick(values)]) } : condition
}

function randomRule(random: Generator, names: readonly string[]): SeccompRule {
  const { below, pick, some } = random
  const filter = () => ({ caps: some(1, () => pick(caps)), arches: some(1, () => pick(['amd64', 'arm64', 's390x'])) })
  return {
    names: some(below(8) === 0 ? 60 : 4, () => pick(names)),
    verdict: pick(verdicts),
    args: below(2) ? some(3, () => randomCondition(random)) : [],
    ...(below(4) === 0 ? { includes: filter() } : {}),
    ...(below(4) === 0 ? { excludes: filter() } : {}),
  }
}

function randomProfile(random: Generator, names: readonly string[]): SeccompProfile {
  return {
    defaultVerdict: random.pick(verdicts),
    i386: true,
    rules: random.some(random.pick([2, 10, 60]), () => randomRule(random, names)),
  }
}

test('decides every call as a direct reading of the profile does, for 150 random profiles', () => {
  const random = generator(20260)
  for (let round = 0; round < 150; round++) {
    const arch = random.pick(['x64', 'arm64'] as const)
    const abi = arch === 'x64' ? random.pick(['x64', 'i386'] as const) : arch
    // A pool of few names brings several rules on one call.
    const table = syscallTable(abi)
    const all = [...table.keys(), 'no_such_call']
    const names = random.below(2) ? all : Array.from({ length: 8 }, () => random.pick(all))
    const profile = randomProfile(random, names)
    const granted = random.some(2, () => random.pick(caps))
    const program = compileSeccomp(profile, arch, { capabilities: new Set(granted) })
    const model = modelOf(profile, arch, granted, abi)
    for (let call = 0; call < 1500; call++) {
      const nr = call < 600 ? call : random.pick([table.get(random.pick(names)) ?? 0, 0x40000000 + call])
      const args = Array.from(
        { length: 6 },
        () => random.pick(values) & (random.below(2) ? 0xffffffffn : 2n ** 64n - 1n),
      )
      const { verdict } = runFilter(program, { nr, arch: archNumbers[abi], args })
      if (verdict !== model(nr, args))
        expect({ round, nr, args, verdict }).toEqual({ round, nr, args, verdict: model(nr, args) })
    }
  }
})

test('jumps over more than 255 instructions', () => {
  const conditions = Array.from(
    { length: 40 },
    (_, index) => ({ index: index % 6, op: 'NE', value: values[9]! }) as const,
  )
  const rules = ['read', 'openat', 'futex', 'close'].flatMap((name) =>
    conditions.map((condition, index) => ({ names: [name], verdict: 0x50000 + index + 2, args: [condition] })),
  )
  const profile = { defaultVerdict: 0x50001, i386: true, rules }
  const program = compileSeccomp(profile, 'x64', { capabilities: new Set() })
  expect(program.length / 8).toBeGreaterThan(1000)
  for (const abi of ['x64', 'i386'] as const) {
    const model = modelOf(profile, 'x64', [], abi)
    for (let nr = 0; nr < 500; nr++) {
      for (const args of [Array(6).fill(values[9]!) as bigint[], [values[9]!, 1n], []]) {
        expect(runFilter(program, { nr, arch: archNumbers[abi], args }).verdict).toBe(model(nr, args))
      }
    }
  }
})

test('refuses a profile that needs more instructions than the kernel takes', () => {
  const names = [...syscallTable('x64').keys()]
  const args = [0, 1, 2].map((index) => ({ index, op: 'EQ', value: 1n }) as const)
  const profile = { defaultVerdict: 0x50001, i386: true, rules: [{ names, verdict: 0x7fff0000, args }] }
  expect(() => compileSeccomp(profile, 'x64', { capabilities: new Set() })).toThrow(/the kernel takes 4096/)
})
