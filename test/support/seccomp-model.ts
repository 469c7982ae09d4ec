import type { ArgumentCondition, SeccompProfile } from '../../src/rootless/seccomp/profile.ts'
import { syscallTable } from '../../src/rootless/seccomp/syscall-table.ts'
import type { SyscallAbi } from '../../src/rootless/seccomp/syscall-table.ts'

export const archNumbers = { x64: 0xc000003e, arm64: 0xc00000b7, i386: 0x40000003 }

const enosys = 0x50026

/** A direct reading of a profile, one call at a time: what the compiled filter is held against. */
export function modelOf(profile: SeccompProfile, arch: 'x64' | 'arm64', caps: readonly string[], abi: SyscallAbi) {
  const go = arch === 'x64' ? 'amd64' : 'arm64'
  const table = syscallTable(abi)
  const rules = profile.rules.filter(({ includes, excludes }) => {
    if (includes?.arches?.length && !includes.arches.includes(go)) return false
    if (includes?.caps?.some((cap) => !caps.includes(cap))) return false
    if (excludes?.arches?.includes(go)) return false
    return !excludes?.caps?.some((cap) => caps.includes(cap))
  })
  const named = rules.flatMap((rule) => rule.names.map((name) => table.get(name) ?? -1))
  const highest = Math.max(...named) >= 0 ? Math.max(...named) : Math.max(...table.values())
  const permissive = profile.defaultVerdict === 0x7fff0000 || profile.defaultVerdict === 0x7ffc0000

  const effective = rules.filter((rule) => rule.verdict !== profile.defaultVerdict)
  const rulesOf = new Map([...table].map(([name, nr]) => [nr, effective.filter((rule) => rule.names.includes(name))]))

  return (nr: number, args: readonly bigint[] = []): number => {
    if (abi === 'x64' && (nr >= 0x40000000 || (nr >= 512 && nr <= 547))) return enosys
    if (nr > highest) return permissive ? profile.defaultVerdict : enosys
    const own = rulesOf.get(nr) ?? []
    const plain = own.find((rule) => !rule.args?.length)
    const match = plain ?? own.find((rule) => holdsFor(rule.args ?? [], args))
    return match?.verdict ?? profile.defaultVerdict
  }
}

function holdsFor(conditions: readonly ArgumentCondition[], args: readonly bigint[]): boolean {
  const indexes = conditions.map((condition) => condition.index)
  const anyIsEnough = new Set(indexes).size < indexes.length
  const results = conditions.map((condition) => compare(condition, args[condition.index] ?? 0n))
  return anyIsEnough ? results.includes(true) : !results.includes(false)
}

function compare({ op, value, valueTwo = 0n }: ArgumentCondition, arg: bigint): boolean {
  if (op === 'EQ') return arg === value
  if (op === 'NE') return arg !== value
  if (op === 'LT') return arg < value
  if (op === 'LE') return arg <= value
  if (op === 'GE') return arg >= value
  if (op === 'GT') return arg > value
  return (arg & value) === valueTwo
}
