import type { ArgumentRule } from './argument-rules.ts'
import { jumps } from './bpf-assembler.ts'
import type { BpfAssembler, Target } from './bpf-assembler.ts'
import type { ArgumentCondition } from './profile.ts'
import { writeTree } from './range-tree.ts'
import type { Verdict } from './verdict.ts'

// struct seccomp_data: nr, arch, instruction pointer, then six 64-bit arguments, little endian on both processors.
const firstArgument = 16
const lowWord = (index: number) => firstArgument + 8 * index
const highWord = (index: number) => lowWord(index) + 4

/** Writes the decision of one system call by its arguments: the first rule that matches, else `otherwise`. */
export function writeArgumentRules(program: BpfAssembler, rules: readonly ArgumentRule[], otherwise: Verdict): Target {
  return rules.reduceRight<Target>((miss, rule) => writeRule(program, rule, { returns: rule.verdict }, miss), {
    returns: otherwise,
  })
}

function writeRule(program: BpfAssembler, rule: ArgumentRule, match: Target, miss: Target): Target {
  if ('ranges' in rule) {
    const tree = writeTree(program, rule.ranges, (within) => (within ? match : miss))
    const low = program.load(lowWord(rule.index), tree)
    return program.load(highWord(rule.index), program.branch(jumps.equal, 0, low, miss))
  }
  return rule.conditions.reduceRight((next, condition) => writeCondition(program, condition, next, miss), match)
}

function writeCondition(program: BpfAssembler, condition: ArgumentCondition, yes: Target, no: Target): Target {
  switch (condition.op) {
    case 'EQ':
      return writeEqual(program, condition, yes, no)
    case 'NE':
      return writeEqual(program, condition, no, yes)
    case 'GT':
      return writeOrder(program, jumps.greater, condition, yes, no)
    case 'LE':
      return writeOrder(program, jumps.greater, condition, no, yes)
    case 'GE':
      return writeOrder(program, jumps.greaterOrEqual, condition, yes, no)
    case 'LT':
      return writeOrder(program, jumps.greaterOrEqual, condition, no, yes)
    case 'MASKED_EQ':
      return writeMaskedEqual(program, condition, yes, no)
  }
}

function writeEqual(program: BpfAssembler, { index, value }: ArgumentCondition, yes: Target, no: Target): Target {
  const [high, low] = words(value)
  const lowTest = program.load(lowWord(index), program.branch(jumps.equal, low, yes, no))
  return program.load(highWord(index), program.branch(jumps.equal, high, lowTest, no))
}

/** `test` decides the low words when the high words are equal. */
function writeOrder(
  program: BpfAssembler,
  test: number,
  { index, value }: ArgumentCondition,
  yes: Target,
  no: Target,
): Target {
  const [high, low] = words(value)
  const lowTest = program.load(lowWord(index), program.branch(test, low, yes, no))
  const highEqual = program.branch(jumps.equal, high, lowTest, no)
  return program.load(highWord(index), program.branch(jumps.greater, high, yes, highEqual))
}

function writeMaskedEqual(program: BpfAssembler, condition: ArgumentCondition, yes: Target, no: Target): Target {
  const [highMask, lowMask] = words(condition.value)
  const [high, low] = words(condition.valueTwo ?? 0n)
  const lowTest = program.and(lowMask, program.branch(jumps.equal, low, yes, no))
  const lowStart = program.load(lowWord(condition.index), lowTest)
  if (highMask === 0 && high === 0) return lowStart
  const highTest = program.and(highMask, program.branch(jumps.equal, high, lowStart, no))
  return program.load(highWord(condition.index), highTest)
}

function words(value: bigint): [high: number, low: number] {
  return [Number(value >> 32n), Number(value & 0xffffffffn)]
}
