import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readOomKills } from '../../src/rootless/cgroups.ts'

test('what was killed for want of memory is counted where the kernel counts it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-cgroup-'))
  try {
    expect(readOomKills(undefined)).toBeUndefined()
    // As without the memory controller.
    expect(readOomKills(directory)).toBeUndefined()
    const write = (kills: number): void =>
      writeFileSync(
        join(directory, 'memory.events'),
        `low 0\nhigh 0\nmax 7\noom 5\noom_kill ${kills}\noom_group_kill 3\n`,
      )
    write(0)
    expect(readOomKills(directory)).toBe(0)
    write(2)
    expect(readOomKills(directory)).toBe(2)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
