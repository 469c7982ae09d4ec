import { closestName } from '../closest-name.ts'
import { invalidProfile, readInteger, readList, readObject, readString, readUint64 } from './json-reader.ts'
import type { ArgumentCondition, ArgumentOperator, RuleFilter, SeccompProfile, SeccompRule } from './profile.ts'
import { allow, EPERM, errno, highestErrno, killProcess, killThread, log, trace, trap } from './verdict.ts'
import type { Verdict } from './verdict.ts'

const actions: Record<string, (errnoRet: number) => Verdict> = {
  SCMP_ACT_ALLOW: () => allow,
  SCMP_ACT_ERRNO: errno,
  SCMP_ACT_LOG: () => log,
  SCMP_ACT_TRAP: () => trap,
  SCMP_ACT_TRACE: trace,
  SCMP_ACT_KILL: () => killThread,
  SCMP_ACT_KILL_THREAD: () => killThread,
  SCMP_ACT_KILL_PROCESS: () => killProcess,
}

const operators: Record<string, ArgumentOperator> = {
  SCMP_CMP_EQ: 'EQ',
  SCMP_CMP_NE: 'NE',
  SCMP_CMP_LT: 'LT',
  SCMP_CMP_LE: 'LE',
  SCMP_CMP_GE: 'GE',
  SCMP_CMP_GT: 'GT',
  SCMP_CMP_MASKED_EQ: 'MASKED_EQ',
}

const lastArgument = 5

/**
 * Reads a seccomp profile in the OCI runtime's JSON form, or in Docker's and Podman's (which add `archMap`, `includes`
 * and `excludes`).
 *
 * @param json the parsed JSON, not its text
 * @throws AirplantError `ERR_INVALID_OPTION`, naming the member that is wrong
 * @example
 * const profile = parseSeccompProfile(JSON.parse(await readFile('profile.json', 'utf8')))
 */
export function parseSeccompProfile(json: unknown): SeccompProfile {
  const profile = readObject(json, 'the profile')
  refuseUnsupported(profile)
  return {
    defaultVerdict: readVerdict(profile['defaultAction'], profile['defaultErrnoRet'], 'default'),
    i386: namesI386(profile),
    rules: readList(profile['syscalls'], 'syscalls', readRule),
  }
}

/** What would need more than the filter itself; dropping it silently would change what the profile means. */
function refuseUnsupported(profile: Record<string, unknown>): void {
  for (const flag of readList(profile['flags'], 'flags', readString)) {
    // It is about other threads, and a program that starts has none.
    if (flag === 'SECCOMP_FILTER_FLAG_TSYNC') continue
    throw invalidProfile('flags', `has "${flag}", which is not supported`, 'Remove the flag')
  }
  if (profile['listenerPath'] !== undefined) {
    throw invalidProfile('listenerPath', 'needs a seccomp agent, which is not supported', 'Remove it')
  }
}

function namesI386(profile: Record<string, unknown>): boolean {
  const listed = readList(profile['architectures'], 'architectures', readString)
  const mapped = readList(profile['archMap'], 'archMap', (value, where) => {
    const { architecture, subArchitectures } = readObject(value, where)
    const own = readString(architecture, `${where}.architecture`)
    const subs = readList(subArchitectures, `${where}.subArchitectures`, readString)
    return own === 'SCMP_ARCH_X86_64' ? subs : []
  })
  if (listed.length > 0 && mapped.length > 0) {
    throw invalidProfile('architectures', 'stands beside archMap', 'Keep only one of them')
  }
  return [...listed, ...mapped.flat()].includes('SCMP_ARCH_X86')
}

function readRule(value: unknown, where: string): SeccompRule {
  const rule = readObject(value, where)
  const names =
    rule['name'] === undefined
      ? readList(rule['names'], `${where}.names`, readString)
      : [readString(rule['name'], `${where}.name`)]
  if (names.length === 0) {
    throw invalidProfile(`${where}.names`, 'is empty', 'Name the system calls, as ["read", "write"]')
  }
  return {
    names,
    verdict: readVerdict(rule['action'], rule['errnoRet'], where),
    args: readList(rule['args'], `${where}.args`, readCondition),
    ...(rule['includes'] ? { includes: readFilter(rule['includes'], `${where}.includes`) } : {}),
    ...(rule['excludes'] ? { excludes: readFilter(rule['excludes'], `${where}.excludes`) } : {}),
  }
}

function readVerdict(action: unknown, errnoRet: unknown, where: string): Verdict {
  const [actionAt, errnoAt] =
    where === 'default' ? ['defaultAction', 'defaultErrnoRet'] : [`${where}.action`, `${where}.errnoRet`]
  const name = readString(action, actionAt)
  const verdict = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (!verdict) throw unknownWord(actionAt, name, Object.keys(actions))
  return verdict(readInteger(errnoRet ?? EPERM, errnoAt, highestErrno))
}

function readCondition(value: unknown, where: string): ArgumentCondition {
  const condition = readObject(value, where)
  const name = readString(condition['op'], `${where}.op`)
  const op = Object.hasOwn(operators, name) ? operators[name] : undefined
  if (!op) throw unknownWord(`${where}.op`, name, Object.keys(operators))
  const index = readInteger(condition['index'], `${where}.index`, lastArgument)
  const number = readUint64(condition['value'], `${where}.value`)
  if (op !== 'MASKED_EQ') return { index, op, value: number }
  return { index, op, value: number, valueTwo: readUint64(condition['valueTwo'] ?? 0, `${where}.valueTwo`) }
}

function readFilter(value: unknown, where: string): RuleFilter {
  const { caps, arches, minKernel } = readObject(value, where)
  const version = minKernel === undefined ? undefined : readString(minKernel, `${where}.minKernel`)
  if (version !== undefined && !/^\d+\.\d+$/.test(version)) {
    throw invalidProfile(`${where}.minKernel`, `is "${version}"`, 'Write a version as "5.11"')
  }
  return {
    caps: readList(caps, `${where}.caps`, readString),
    arches: readList(arches, `${where}.arches`, readString),
    ...(version === undefined ? {} : { minKernel: version }),
  }
}

function unknownWord(where: string, word: string, words: readonly string[]): Error {
  const closest = closestName(word, words)
  const hint = closest ? `Did you mean "${closest}"?` : `Write one of ${words.join(', ')}`
  return invalidProfile(where, `is "${word}", which is not supported`, hint)
}
