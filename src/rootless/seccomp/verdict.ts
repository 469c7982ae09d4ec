/** What the kernel does with a system call: the value that a seccomp filter returns (linux/seccomp.h). */
export type Verdict = number

export const EPERM = 1
export const ENOSYS = 38

/** The kernel caps a returned errno at MAX_ERRNO. */
export const highestErrno = 4095

export const allow: Verdict = 0x7fff0000
export const log: Verdict = 0x7ffc0000
export const trap: Verdict = 0x00030000
export const killProcess: Verdict = 0x80000000
export const killThread: Verdict = 0x00000000

/** Fails the call with an errno. */
export function errno(code: number): Verdict {
  return 0x00050000 | code
}

/** Hands the call to a tracer with a message; without a tracer it fails with ENOSYS. */
export function trace(message: number): Verdict {
  return 0x7ff00000 | message
}

/** Whether calls with this verdict reach the kernel, perhaps after somebody was told. */
export function isPermissive(verdict: Verdict): boolean {
  return verdict === allow || verdict === log || (verdict & 0xffff0000) === 0x7ff00000
}
