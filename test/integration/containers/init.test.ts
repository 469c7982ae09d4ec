import { afterAll, describe, expect, test } from 'vitest'
import type { Image } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, outputOf, runToEnd, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
afterAll(() => root[Symbol.dispose]())

const images: [string, Image][] = [
  ['the host image', 'host'],
  ['a root directory', { rootfs: root.path }],
]

const zombies = `grep -l '^State:.Z' /proc/[0-9]*/status 2> /dev/null | wc -l`

describe.each(images)('init on %s', (_, image) => {
  test('reaps what was orphaned', async () => {
    const script = 'for i in $(seq 50); do (sleep 0.01 &) ; done; touch /tmp/started; exec sleep 60'
    await withContainer({ image, init: true, command: ['sh', '-c', script] }, async (container) => {
      await expect.poll(() => shell(container, 'test -e /tmp/started && pidof sleep | wc -w')).toBe('1')
      expect(await shell(container, zombies)).toBe('0')
    })
  })

  test('without it nobody does', async () => {
    const script = '(sh -c "sleep 0.01 & sleep 0.02 &") ; touch /tmp/started; exec sleep 60'
    await withContainer({ image, command: ['sh', '-c', script] }, async (container) => {
      await expect.poll(() => shell(container, `test -e /tmp/started && ${zombies}`)).toBe('2')
    })
  })

  test('is pid 1 and its child is not', async () => {
    expect(await outputOf('echo $$', { image, init: true })).not.toBe('1')
    expect(await outputOf('echo $$', { image })).toBe('1')
  })

  test('gives the exit code of its child, or of the signal that ended it', async () => {
    expect(await runToEnd({ image, init: true, command: ['sh', '-c', 'exit 42'] })).toMatchObject({ exitCode: 42 })
    const killed = await runToEnd({ image, init: true, command: ['sh', '-c', 'kill -KILL $$'] })
    expect(killed).toMatchObject({ exitCode: 137, signal: null })
  })

  test('passes signals on, which a program that is pid 1 without a handler would ignore', async () => {
    await withContainer({ image, init: true, command: ['sleep', '60'] }, async (container) => {
      await container.signal('SIGTERM')
      expect(await container.wait()).toMatchObject({ exitCode: 143, signal: null })
    })
    const script = 'trap "echo got it; exit 3" USR1; touch /tmp/ready; while :; do sleep 0.01; done'
    await withContainer({ image, init: true, command: ['sh', '-c', script] }, async (container) => {
      await expect.poll(() => shell(container, 'ls /tmp')).toContain('ready')
      await container.signal('SIGUSR1')
      expect(await container.wait()).toMatchObject({ exitCode: 3 })
      expect((await container.logs()).output).toBe('got it\n')
    })
  })

  test('ends with its child, and takes the rest along', async () => {
    const { exitCode, output } = await runToEnd({ image, init: true, command: ['sh', '-c', 'sleep 60 & echo out'] })
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: 'out\n' })
  })

  test('gives its child the terminal', async () => {
    const script = 'test -t 0 && test -t 1 && stty size; ps -o pid,stat,comm 2> /dev/null | head -0; tty'
    const { output } = await runToEnd({ image, init: true, tty: true, command: ['sh', '-c', script] })
    expect(output).toMatch(/^24 80\r\n\/dev\/(pts\/0|console)\r\n$/)
  })
})
