import { expect, test } from 'vitest'
import { capabilityNames, resolveCapabilities } from '../../../src/rootless/capabilities.ts'
import { compileSeccomp } from '../../../src/rootless/seccomp/compile.ts'
import { defaultProfile } from '../../../src/rootless/seccomp/default-profile.ts'
import { syscallTable } from '../../../src/rootless/seccomp/syscall-table.ts'
import { runFilter } from '../../support/bpf.ts'
import { archNumbers, modelOf } from '../../support/seccomp-model.ts'

const allow = 0x7fff0000
const eperm = 0x50001
const enosys = 0x50026
const killProcess = 0x80000000

const everyNumber = Array.from({ length: 1024 }, (_, nr) => nr)
const oddNumbers = [0x3fffffff, 0x40000000, 0x40000001, 0x40000203, 0x7fffffff, 0x80000000, 0xffffffff]
const machines = [
  { arch: 'x64', abi: 'x64' },
  { arch: 'x64', abi: 'i386' },
  { arch: 'arm64', abi: 'arm64' },
] as const
const capabilitySets = [
  { label: 'no capability', caps: [] },
  { label: 'the default capabilities', caps: resolveCapabilities().names },
  { label: 'every capability', caps: capabilityNames },
  ...capabilityNames.map((cap) => ({ label: cap, caps: [cap] })),
]
const someArguments = [0n, 1n, 2n, 12n, 13n, 16n, 38n, 40n, 0x11n, 0x20008n, 0x10000000n, 0xffffffffn, 2n ** 64n - 1n]

for (const { arch, abi } of machines) {
  test(`decides every system call of ${abi} on ${arch} as the default profile says, for every capability`, () => {
    for (const { label, caps } of capabilitySets) {
      const program = compileSeccomp(defaultProfile, arch, { capabilities: new Set(caps) })
      const model = modelOf(defaultProfile, arch, caps, abi)
      const wrong = [...everyNumber, ...oddNumbers].flatMap((nr) =>
        someArguments
          .map((argument) => [argument])
          .filter((args) => runFilter(program, { nr, arch: archNumbers[abi], args }).verdict !== model(nr, args))
          .map((args) => ({ label, nr, args })),
      )
      expect(wrong).toEqual([])
    }
  })
}

function verdictOf(name: string, { caps = [], args = [], arch = 'x64', abi = arch }: VerdictOptions = {}): number {
  const program = compileSeccomp(defaultProfile, arch, { capabilities: new Set(caps) })
  return runFilter(program, { nr: syscallTable(abi).get(name)!, arch: archNumbers[abi], args }).verdict
}

interface VerdictOptions {
  caps?: readonly string[]
  args?: readonly bigint[]
  arch?: 'x64' | 'arm64'
  abi?: 'x64' | 'arm64' | 'i386'
}

test.each(['x64', 'arm64'] as const)('lets ordinary programs on %s work and refuses the dangerous calls', (arch) => {
  for (const name of ['read', 'openat', 'execve', 'futex', 'ptrace', 'seccomp', 'close_range', 'removexattrat']) {
    expect(verdictOf(name, { arch }), name).toBe(allow)
  }
  for (const name of ['mount', 'setns', 'unshare', 'bpf', 'keyctl', 'add_key', 'kexec_load', 'userfaultfd', 'chroot']) {
    expect(verdictOf(name, { arch }), name).toBe(eperm)
  }
  for (const name of [
    'io_uring_setup',
    'open_by_handle_at',
    'init_module',
    'perf_event_open',
    'fsopen',
    'move_mount',
  ]) {
    expect(verdictOf(name, { arch }), name).toBe(eperm)
  }
})

test('opens calls to those who have the capability for them', () => {
  expect(verdictOf('mount', { caps: ['CAP_SYS_ADMIN'] })).toBe(allow)
  expect(verdictOf('chroot', { caps: ['CAP_SYS_CHROOT'] })).toBe(allow)
  expect(verdictOf('open_by_handle_at', { caps: ['CAP_DAC_READ_SEARCH'] })).toBe(allow)
  expect(verdictOf('bpf', { caps: ['CAP_BPF'] })).toBe(allow)
  expect(verdictOf('mount', { caps: ['CAP_BPF'] })).toBe(eperm)
})

test('lets clone make threads and processes but no namespaces', () => {
  expect(verdictOf('clone', { args: [0x3d0f00n] })).toBe(allow)
  for (const flag of [0x20000n, 0x2000000n, 0x4000000n, 0x8000000n, 0x10000000n, 0x20000000n, 0x40000000n]) {
    expect(verdictOf('clone', { args: [flag | 0x11n] })).toBe(eperm)
    expect(verdictOf('clone', { args: [flag | 0x11n], caps: ['CAP_SYS_ADMIN'] })).toBe(allow)
  }
})

test('says that clone3 does not exist unless CAP_SYS_ADMIN is granted', () => {
  expect(verdictOf('clone3')).toBe(enosys)
  expect(verdictOf('clone3', { abi: 'i386' })).toBe(enosys)
  expect(verdictOf('clone3', { arch: 'arm64' })).toBe(enosys)
  expect(verdictOf('clone3', { caps: ['CAP_SYS_ADMIN'] })).toBe(allow)
})

test('refuses sockets of AF_ALG and AF_VSOCK and of no family at all', () => {
  const refused = [12n, 19n, 20n, 23n, 25n, 34n, 37n, 38n, 40n, 46n, 1000n, 0x100000002n, 2n ** 64n - 1n]
  for (const family of refused) expect(verdictOf('socket', { args: [family] }), `${family}`).toBe(eperm)
  for (const family of [1n, 2n, 10n, 11n, 13n, 16n, 17n, 39n, 41n, 45n]) {
    expect(verdictOf('socket', { args: [family] }), `${family}`).toBe(allow)
    expect(verdictOf('socket', { args: [family], abi: 'i386' }), `${family}`).toBe(allow)
  }
})

test('allows the five harmless personalities only', () => {
  for (const persona of [0n, 8n, 0x20000n, 0x20008n, 0xffffffffn]) {
    expect(verdictOf('personality', { args: [persona] })).toBe(allow)
  }
  for (const persona of [1n, 9n, 0x40000n, 0x20001n, 0xfffffffen, 0x1ffffffffn]) {
    expect(verdictOf('personality', { args: [persona] })).toBe(eperm)
  }
})

test('says that calls newer than the profile do not exist', () => {
  expect(verdictOf('file_setattr')).toBe(enosys)
  expect(verdictOf('listns', { arch: 'arm64' })).toBe(enosys)
})

test('answers ENOSYS to x32 and 32-bit Arm and kills programs of other processors', () => {
  const capabilities = new Set(capabilityNames)
  const x64 = compileSeccomp(defaultProfile, 'x64', { capabilities })
  const arm64 = compileSeccomp(defaultProfile, 'arm64', { capabilities })
  expect(runFilter(x64, { nr: 0x40000000, arch: archNumbers.x64 }).verdict).toBe(enosys)
  expect(runFilter(arm64, { nr: 3, arch: 0x40000028 }).verdict).toBe(enosys)
  expect(runFilter(arm64, { nr: 0, arch: archNumbers.x64 }).verdict).toBe(killProcess)
  expect(runFilter(x64, { nr: 0, arch: archNumbers.arm64 }).verdict).toBe(killProcess)
})

test('answers ENOSYS to 32-bit x86 when the profile does not let it in', () => {
  const program = compileSeccomp({ ...defaultProfile, i386: false }, 'x64', { capabilities: new Set() })
  expect(runFilter(program, { nr: 3, arch: archNumbers.i386 }).verdict).toBe(enosys)
})

test('keeps the default filter short and its paths shorter', () => {
  const common = ['read', 'write', 'close', 'openat', 'futex', 'mmap', 'brk', 'epoll_pwait', 'getpid', 'clock_gettime']
  for (const { arch, abi } of machines) {
    const program = compileSeccomp(defaultProfile, arch, { capabilities: new Set(resolveCapabilities().names) })
    expect(program.length / 8).toBeLessThan(600)
    const table = syscallTable(abi)
    const steps = (name: string) => runFilter(program, { nr: table.get(name)!, arch: archNumbers[abi] }).steps
    expect(Math.max(...common.filter((name) => table.has(name)).map(steps)), abi).toBeLessThan(20)
    const average = [...table.keys()].reduce((sum, name) => sum + steps(name), 0) / table.size
    expect(average, abi).toBeLessThan(16)
  }
})

test('gives the same bytes for the same input', () => {
  const capabilities = new Set(['CAP_SYS_CHROOT'])
  expect(compileSeccomp(defaultProfile, 'x64', { capabilities })).toEqual(
    compileSeccomp(defaultProfile, 'x64', { capabilities }),
  )
})
