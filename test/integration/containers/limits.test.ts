import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Container, Image } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf, outputOf, runToEnd, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const image = { rootfs: root.path }
const bomb = join(root.path, 'bomb')
execFileSync('cc', ['-static', '-x', 'c', '-o', bomb, '-'], {
  input: '#include <unistd.h>\nint main(void) { for (;;) if (fork() < 0) usleep(10000); }',
})
afterAll(() => root[Symbol.dispose]())

/** How many processes its pid namespace has, as the host sees it. */
function processesIn({ pid }: Container): number {
  const namespace = namespaceOf(`${pid}`)
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && namespaceOf(name) === namespace).length
}

function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined
  }
}

const images: [string, Image][] = [
  ['the host image', 'host'],
  ['a root directory', image],
]

describe.each(images)('on %s', (_, on) => {
  test('limits are as given, soft and hard, for an exec too', async () => {
    const rlimits = {
      nofile: { soft: 100, hard: 200 },
      core: 0,
      stack: { soft: 4_194_304, hard: 'unlimited' },
      cpu: 77,
    } as const
    const script = `grep -E 'open files|core|stack|cpu' /proc/self/limits | awk '{ print $(NF-2), $(NF-1) }'`
    const expected = ['77 77', '4194304 unlimited', '0 0', '100 200']
    await withContainer(
      { image: on, rlimits, command: ['sh', '-c', `${script}; exec sleep 60`] },
      async (container) => {
        expect((await shell(container, script)).split('\n')).toEqual(expected)
        await expect.poll(async () => (await container.logs()).output.trim().split('\n')).toEqual(expected)
      },
    )
  })

  test("without the option they are the caller's", async () => {
    const own = /Max open files\s+(\d+)\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))
    const output = await outputOf(`grep 'open files' /proc/self/limits | awk '{ print $5 }'`, { image: on })
    expect(output).toBe(own?.[2])
  })

  test('a file size limit ends who writes more', async () => {
    const rlimits = { fsize: 10_000 }
    const { signal, exitCode } = await runToEnd({
      image: on,
      rlimits,
      command: ['dd', 'if=/dev/zero', 'of=/tmp/big', 'bs=1000', 'count=100'],
    })
    expect(signal ?? exitCode).not.toBe(0)
  })

  test("a hard limit above the caller's own is refused with the reason", async ({ skip }) => {
    if (process.getuid?.() === 0) skip('root may raise its limits')
    const hard = Number(/Max open files\s+\d+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])
    if (!Number.isFinite(hard)) skip('no limit here')
    const error = await errorOf(withContainer({ image: on, command: ['true'], rlimits: { nofile: hard + 1 } }))
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION', phase: 'start', step: 'rlimit' })
    expect(error.message).toContain('nofile')
    expect(error.hint).toBeTruthy()
  })

  test('a process limit holds against a fork bomb, and its neighbour is not disturbed', async () => {
    const bombs = { image: on, rlimits: { nproc: 40 }, files: [{ target: '/tmp/bomb', source: bomb }] }
    await withContainer({ image: on, command: ['sleep', '60'] }, async (neighbour) => {
      await withContainer({ ...bombs, command: ['/tmp/bomb'] }, async (bombed) => {
        await expect.poll(() => processesIn(bombed), { timeout: 5000 }).toBeGreaterThan(20)
        const many = `for i in 1 2 3 4 5 6 7 8 9 10; do echo $i | cat; done | wc -l`
        for (let round = 0; round < 10; round++) expect(await shell(neighbour, many)).toBe('10')
        expect(processesIn(bombed)).toBeLessThanOrEqual(40)
        // To look what is wrong, one may still come in from outside.
        expect((await bombed.exec(['echo', 'inside'])).output).toBe('inside\n')
      })
      expect(await shell(neighbour, 'echo still here')).toBe('still here')
    })
  })

  test('a small limit of open files does not hinder the start', async () => {
    const rlimits = { nofile: 16 }
    expect(await outputOf('cat < /etc/hostname > /dev/null && echo fine', { image: on, rlimits, tty: true })).toBe(
      'fine',
    )
  })

  test('the process limit counts one container only', async () => {
    const limited = { image: on, rlimits: { nproc: 5 }, command: ['sleep', '60'] }
    const containers = await Promise.all(Array.from({ length: 8 }, () => withContainer(limited)))
    for (const container of containers) {
      expect(await shell(container, 'true; echo fine')).toBe('fine')
    }
    await Promise.all(containers.map((container) => container[Symbol.asyncDispose]()))
  })
})
