import { expect, test } from 'vitest'
import { isAirplantError } from '../../../src/errors.ts'
import { compileSeccomp } from '../../../src/rootless/seccomp/compile.ts'
import { parseSeccompProfile } from '../../../src/rootless/seccomp/parse-profile.ts'
import { syscallTable } from '../../../src/rootless/seccomp/syscall-table.ts'
import { runFilter } from '../../support/bpf.ts'
import { archNumbers } from '../../support/seccomp-model.ts'

const docker = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 1,
  archMap: [
    { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
    { architecture: 'SCMP_ARCH_RISCV64', subArchitectures: null },
  ],
  syscalls: [
    { names: ['read', 'no_such_call'], action: 'SCMP_ACT_ALLOW', args: null, comment: '' },
    { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '4.8' } },
    {
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: 2114060288, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      excludes: { caps: ['CAP_SYS_ADMIN'], arches: ['s390'] },
    },
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
  ],
}

test("reads Docker's form", () => {
  expect(parseSeccompProfile(docker)).toEqual({
    defaultVerdict: 0x50001,
    i386: true,
    rules: [
      { names: ['read', 'no_such_call'], verdict: 0x7fff0000, args: [] },
      { names: ['ptrace'], verdict: 0x7fff0000, args: [], includes: { caps: [], arches: [], minKernel: '4.8' } },
      {
        names: ['clone'],
        verdict: 0x7fff0000,
        args: [{ index: 0, op: 'MASKED_EQ', value: 0x7e020000n, valueTwo: 0n }],
        excludes: { caps: ['CAP_SYS_ADMIN'], arches: ['s390'] },
      },
      { names: ['clone3'], verdict: 0x50026, args: [] },
    ],
  })
})

test('compiles a profile that forbids some calls and allows the rest', () => {
  const profile = parseSeccompProfile({
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [
      { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 },
      {
        name: 'kill',
        action: 'SCMP_ACT_KILL_PROCESS',
        args: [{ index: 1, value: '0xFFFFFFFFFFFFFFFF', op: 'SCMP_CMP_EQ' }],
      },
    ],
  })
  const program = compileSeccomp(profile, 'x64', { capabilities: new Set() })
  const run = (name: string, args: bigint[] = []) =>
    runFilter(program, { nr: syscallTable('x64').get(name)!, arch: archNumbers.x64, args }).verdict
  expect(run('mkdir')).toBe(0x5000d)
  expect(run('kill', [1n, 2n ** 64n - 1n])).toBe(0x80000000)
  expect(run('kill', [1n, 15n])).toBe(0x7fff0000)
  expect(run('listns')).toBe(0x7fff0000)
  expect(runFilter(program, { nr: 900, arch: archNumbers.x64 }).verdict).toBe(0x7fff0000)
  expect(runFilter(program, { nr: 520, arch: archNumbers.x64 }).verdict).toBe(0x50026)
  expect(runFilter(program, { nr: 0x40000000, arch: archNumbers.x64 }).verdict).toBe(0x50026)
  expect(runFilter(program, { nr: 1, arch: archNumbers.i386 }).verdict).toBe(0x50026)
})

test('holds minKernel against the kernel when it is told', () => {
  const profile = parseSeccompProfile(docker)
  const ptrace = (kernel?: string) => {
    const program = compileSeccomp(profile, 'x64', { capabilities: new Set(), ...(kernel ? { kernel } : {}) })
    return runFilter(program, { nr: 101, arch: archNumbers.x64 }).verdict
  }
  expect(ptrace()).toBe(0x7fff0000)
  expect(ptrace('4.7.10')).toBe(0x50001)
  expect(ptrace('4.8.0-rc1')).toBe(0x7fff0000)
  expect(ptrace('6.1.0-13-amd64')).toBe(0x7fff0000)
})

const rule = (changes: object) => ({ ...docker, syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', ...changes }] })
const condition = (changes: object) => rule({ args: [{ index: 0, value: 0, op: 'SCMP_CMP_EQ', ...changes }] })

test.each([
  ['no object', 'unconfined', /the profile is a string, not an object/],
  ['no default action', {}, /defaultAction is missing, not a string/],
  [
    'a misspelt action',
    rule({ action: 'SCMP_ACT_ALOW' }),
    /syscalls\[0\]\.action is "SCMP_ACT_ALOW".*\n.*"SCMP_ACT_ALLOW"\?/,
  ],
  ['user notification', rule({ action: 'SCMP_ACT_NOTIFY' }), /"SCMP_ACT_NOTIFY", which is not supported/],
  ['a name of all objects', rule({ action: 'constructor' }), /"constructor", which is not supported/],
  ['no names', rule({ names: [] }), /syscalls\[0\]\.names is empty/],
  ['a name that is a number', rule({ names: [3] }), /syscalls\[0\]\.names\[0\] is a number, not a string/],
  ['a seventh argument', condition({ index: 6 }), /args\[0\]\.index is 6, not a whole number from 0 to 5/],
  ['an inexact value', condition({ value: 2 ** 64 }), /args\[0\]\.value .*2\^64-1\n.*BigInt/],
  ['a negative value', condition({ value: -1 }), /args\[0\]\.value is -1/],
  ['an unknown comparison', condition({ op: 'EQ' }), /args\[0\]\.op is "EQ"/],
  ['an errno beyond the highest', rule({ errnoRet: 5000 }), /errnoRet is 5000, not a whole number from 0 to 4095/],
  ['a strange version', rule({ includes: { minKernel: 'new' } }), /includes\.minKernel is "new"/],
  ['a listener', { ...docker, listenerPath: '/run/agent' }, /listenerPath needs a seccomp agent/],
  ['a flag', { ...docker, flags: ['SECCOMP_FILTER_FLAG_LOG'] }, /flags has "SECCOMP_FILTER_FLAG_LOG"/],
  ['both lists of processors', { ...docker, architectures: ['SCMP_ARCH_X86'] }, /Keep only one of them/],
])('refuses %s', (_, profile, message) => {
  let error: unknown
  try {
    parseSeccompProfile(profile)
  } catch (caught) {
    error = caught
  }
  expect(isAirplantError(error) && error.code).toBe('ERR_INVALID_OPTION')
  expect((error as Error).message).toMatch(message)
})
