import { applicableRules } from './applicable-rules.ts'
import { writeArgumentRules } from './argument-tests.ts'
import { BpfAssembler, jumps } from './bpf-assembler.ts'
import type { Target } from './bpf-assembler.ts'
import { decisionRanges } from './decisions.ts'
import type { SeccompProfile, SeccompRule } from './profile.ts'
import { writeTree } from './range-tree.ts'
import type { SyscallAbi } from './syscall-table.ts'
import { errno, ENOSYS, killProcess } from './verdict.ts'

/** What the rules of a profile depend on. */
export interface CompileSeccompOptions {
  /** Capabilities that the container gets, as `CAP_SYS_ADMIN`. */
  readonly capabilities: ReadonlySet<string>
  /**
   * Kernel release as uname gives it, for rules with `minKernel`.
   *
   * @default every `minKernel` counts as met
   */
  readonly kernel?: string
}

// AUDIT_ARCH_* of linux/audit.h.
const auditArchs = { x64: 0xc000003e, arm64: 0xc00000b7, i386: 0x40000003, arm: 0x40000028 }

// Offsets in struct seccomp_data.
const numberOffset = 0
const archOffset = 4

/**
 * Compiles a seccomp profile to classic BPF: the bytes of `struct sock_filter[]`, little endian. A pure function, about
 * a millisecond; the caller keeps the result. No filter at all ("unconfined") is the caller's business.
 *
 * A program for another ABI than the machine's own sees:
 * - on x86-64, 32-bit x86: the same rules by its own numbers when the profile lets it in (Docker's does; it doubles the
 *   program but costs a 64-bit call nothing), else ENOSYS. As in Docker, socketcall(2) hides its arguments from the
 *   filter, so the conditions on socket(2) do not reach 32-bit programs that use it;
 * - x32 on x86-64 and 32-bit Arm on arm64: ENOSYS for everything;
 * - anything else: the process is killed, as libseccomp does.
 *
 * @throws AirplantError `ERR_INVALID_OPTION` when the program would be longer than the kernel takes
 * @example
 * const filter = compileSeccomp(defaultProfile, 'x64', { capabilities: new Set(['CAP_SYS_CHROOT']) })
 */
export function compileSeccomp(
  profile: SeccompProfile,
  arch: 'x64' | 'arm64',
  options: CompileSeccompOptions,
): Uint8Array {
  const rules = applicableRules(profile, { arch, ...options })
  const program = new BpfAssembler()
  const foreign = arch === 'x64' ? auditArchs.i386 : auditArchs.arm
  const foreignStart: Target =
    arch === 'x64' && profile.i386 ? writeAbi(program, profile, rules, 'i386') : { returns: errno(ENOSYS) }
  const nativeStart = writeAbi(program, profile, rules, arch)
  const others = program.branch(jumps.equal, foreign, foreignStart, { returns: killProcess })
  program.load(archOffset, program.branch(jumps.equal, auditArchs[arch], nativeStart, others))
  return program.toBytes()
}

function writeAbi(
  program: BpfAssembler,
  profile: SeccompProfile,
  rules: readonly SeccompRule[],
  abi: SyscallAbi,
): Target {
  const tree = writeTree(program, decisionRanges(profile, rules, abi), (decision) =>
    typeof decision === 'number'
      ? { returns: decision }
      : writeArgumentRules(program, decision, profile.defaultVerdict),
  )
  return program.load(numberOffset, tree)
}
