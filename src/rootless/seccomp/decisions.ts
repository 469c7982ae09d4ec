import { argumentRules } from './argument-rules.ts'
import type { ArgumentRule } from './argument-rules.ts'
import type { ArgumentCondition, SeccompProfile, SeccompRule } from './profile.ts'
import { pushRange } from './range-tree.ts'
import type { Range } from './range-tree.ts'
import { errno, ENOSYS, isPermissive } from './verdict.ts'
import type { Verdict } from './verdict.ts'
import { syscallTable } from './syscall-table.ts'
import type { SyscallAbi } from './syscall-table.ts'

/** One verdict, or rules on the arguments. */
export type Decision = Verdict | readonly ArgumentRule[]

// Numbers of x32's own calls: without the x32 bit they mean nothing, but kernels before 5.4 ran some of them anyway.
const x32Calls = [512, 548] as const
// x32 programs set this bit (__X32_SYSCALL_BIT). Docker lets them in; hardly a kernel is built with them any more.
const x32Bit = 0x40000000

/**
 * What is decided for every system call number of an ABI, neighbours with the same decision merged.
 *
 * Numbers above the highest one that the profile names fail with ENOSYS, unless its default is to allow: such calls are
 * newer than the profile, and a C library that gets EPERM for one does not try the older call (runc does the same:
 * libcontainer/seccomp/patchbpf).
 */
export function decisionRanges(
  profile: SeccompProfile,
  rules: readonly SeccompRule[],
  abi: SyscallAbi,
): Range<Decision>[] {
  const table = syscallTable(abi)
  const { defaultVerdict } = profile
  const decisions = decide(rules, table, defaultVerdict)
  const ranges: Range<Decision>[] = []
  let next = 0
  for (const number of [...decisions.keys()].sort((a, b) => a - b)) {
    if (number > next) pushRange(ranges, next, defaultVerdict)
    pushRange(ranges, number, decisions.get(number)!)
    next = number + 1
  }
  const end = Math.max(next, highestNamed(rules, table) + 1)
  if (end > next) pushRange(ranges, next, defaultVerdict)
  const beyond = isPermissive(defaultVerdict) ? defaultVerdict : errno(ENOSYS)
  pushRange(ranges, end, beyond)
  if (abi === 'x64') {
    pushRange(ranges, x32Calls[0], errno(ENOSYS))
    pushRange(ranges, x32Calls[1], beyond)
    pushRange(ranges, x32Bit, errno(ENOSYS))
  }
  return ranges
}

/**
 * As libseccomp: a rule with the default verdict counts for nothing, one without conditions overrides those with, and of
 * several without the first one counts. Of those with conditions the first that matches counts.
 */
function decide(
  rules: readonly SeccompRule[],
  table: ReadonlyMap<string, number>,
  defaultVerdict: Verdict,
): Map<number, Decision> {
  const verdicts = new Map<number, Verdict>()
  const conditional = new Map<number, { verdict: Verdict; conditions: readonly ArgumentCondition[] }[]>()
  for (const { names, verdict, args = [] } of rules) {
    if (verdict === defaultVerdict) continue
    const alternatives = alternativesOf(args).map((conditions) => ({ verdict, conditions }))
    for (const name of names) {
      const number = table.get(name)
      if (number === undefined) continue
      if (args.length === 0) verdicts.set(number, verdicts.get(number) ?? verdict)
      else conditional.set(number, [...(conditional.get(number) ?? []), ...alternatives])
    }
  }
  const decisions = new Map<number, Decision>([...conditional].map(([number, all]) => [number, argumentRules(all)]))
  for (const [number, verdict] of verdicts) decisions.set(number, verdict)
  return decisions
}

function alternativesOf(args: readonly ArgumentCondition[]): ArgumentCondition[][] {
  const repeated = new Set(args.map(({ index }) => index)).size < args.length
  return repeated ? args.map((condition) => [condition]) : [[...args]]
}

function highestNamed(rules: readonly SeccompRule[], table: ReadonlyMap<string, number>): number {
  const named = rules.flatMap(({ names }) => names.map((name) => table.get(name) ?? -1))
  const highest = named.reduce((a, b) => Math.max(a, b), -1)
  return highest >= 0 ? highest : Math.max(...table.values())
}
