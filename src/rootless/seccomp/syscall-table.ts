import { arm64Syscalls } from './syscalls-arm64.ts'
import { commonSyscalls } from './syscalls-common.ts'
import { i386Syscalls } from './syscalls-i386.ts'
import { x64Syscalls } from './syscalls-x64.ts'

/** A numbering of system calls. `i386` is what 32-bit programs use on x86-64. */
export type SyscallAbi = 'x64' | 'arm64' | 'i386'

const texts = { x64: x64Syscalls, arm64: arm64Syscalls, i386: i386Syscalls }

/**
 * Numbers by name of one ABI's system calls.
 *
 * @example
 * syscallTable('arm64').get('openat') // 56
 */
export function syscallTable(abi: SyscallAbi): ReadonlyMap<string, number> {
  return parseSyscalls(`${texts[abi]} ${commonSyscalls}`)
}

/** Reads names in the order of their numbers; a number among them is that of the name after it. */
export function parseSyscalls(text: string): ReadonlyMap<string, number> {
  const table = new Map<string, number>()
  let next = 0
  for (const word of text.trim().split(/\s+/)) {
    if (/^\d+$/.test(word)) next = Number(word)
    else table.set(word, next++)
  }
  return table
}
