import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseSyscalls, syscallTable } from '../../../src/rootless/seccomp/syscall-table.ts'

test('numbers names in order and from the numbers between them', () => {
  expect([...parseSyscalls(' read write\n 7 poll lseek ')]).toEqual([
    ['read', 0],
    ['write', 1],
    ['poll', 7],
    ['lseek', 8],
  ])
})

test('knows calls by the numbers of their ABI', () => {
  const numbers = (name: string) => (['x64', 'arm64', 'i386'] as const).map((abi) => syscallTable(abi).get(name))
  expect(numbers('openat')).toEqual([257, 56, 295])
  expect(numbers('execve')).toEqual([59, 221, 11])
  expect(numbers('open')).toEqual([2, undefined, 5])
  expect(numbers('clock_gettime64')).toEqual([undefined, undefined, 403])
  expect(numbers('mmap')).toEqual([9, 222, 90])
  expect(numbers('clone3')).toEqual([435, 435, 435])
  expect(numbers('cachestat')).toEqual([451, 451, 451])
  expect(numbers('mseal')).toEqual([462, 462, 462])
  expect(numbers('file_setattr')).toEqual([469, 469, 469])
})

for (const [abi, header] of [
  ['x64', '/usr/include/x86_64-linux-gnu/asm/unistd_64.h'],
  ['i386', '/usr/include/x86_64-linux-gnu/asm/unistd_32.h'],
] as const) {
  test(`agrees with the kernel headers of this machine for ${abi}`, ({ skip }) => {
    if (!existsSync(header)) skip(`needs ${header}`)
    const table = syscallTable(abi)
    const defined = [...readFileSync(header, 'utf8').matchAll(/#define __NR_(\w+) (\d+)/g)]
    expect(defined.length).toBeGreaterThan(300)
    for (const [, name = '', number] of defined) expect(table.get(name), name).toBe(Number(number))
  })
}

test('gives no number to two names', () => {
  for (const abi of ['x64', 'arm64', 'i386'] as const) {
    const table = syscallTable(abi)
    expect(new Set(table.values()).size).toBe(table.size)
  }
})
