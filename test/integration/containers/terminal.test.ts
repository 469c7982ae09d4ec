import { once } from 'node:events'
import { afterAll, describe, expect, test } from 'vitest'
import type { Image } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, outputOf, runToEnd, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const image = { rootfs: root.path }
afterAll(() => root[Symbol.dispose]())

const images: [string, Image][] = [
  ['the host image', 'host'],
  ['a root directory', image],
]

describe.each(images)('a terminal on %s', (_, on) => {
  test('is one, has its size, and TERM', async () => {
    const script = 'test -t 0 && test -t 1 && test -t 2 && stty size && echo $TERM'
    expect(await outputOf(script, { image: on, tty: true })).toBe('24 80\r\nxterm')
    const tty = { rows: 50, columns: 132 }
    expect(await outputOf('stty size', { image: on, tty })).toBe('50 132')
    expect(await outputOf('echo $TERM', { image: on, tty: true, env: { TERM: 'dumb' } })).toBe('dumb')
    expect(await outputOf('test -t 1 || echo none; echo x$TERM', { image: on })).toBe('none\nx')
  })

  test('is the controlling one, and /dev/tty opens', async () => {
    expect(await outputOf('echo through > /dev/tty; echo console > /dev/console', { image: on, tty: true })).toBe(
      'through\r\nconsole',
    )
  })

  test('merges stderr into its one output', async () => {
    const { stdout, stderr } = await runToEnd({
      image: on,
      tty: true,
      command: ['sh', '-c', 'echo a; echo b >&2; echo c'],
    })
    expect({ stdout, stderr }).toEqual({ stdout: 'a\r\nb\r\nc\r\n', stderr: '' })
  })

  test('changes its size, and the program is told', async () => {
    const script = `trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done`
    await withContainer({ image: on, tty: true, command: ['sh', '-c', script] }, async (container) => {
      await expect.poll(async () => (await container.logs()).output).toContain('ready')
      await container.resize(33, 99)
      await container.wait()
      expect((await container.logs()).output).toBe('ready\r\n33 99\r\n')
    })
  })

  test('takes input, echoes it, and Ctrl-C is a signal', async () => {
    const script = `trap 'echo interrupted; exit 9' INT; echo ready; while read line; do echo "<$line>"; done`
    await withContainer({ image: on, tty: true, stdin: true, command: ['sh', '-c', script] }, async (container) => {
      const output = async (): Promise<string> => (await container.logs()).output
      await expect.poll(output).toBe('ready\r\n')
      container.stdin.write('hello\n')
      await expect.poll(output).toBe('ready\r\nhello\r\n<hello>\r\n')
      container.stdin.write('\x03')
      expect(await container.wait()).toEqual({ exitCode: 9, signal: null })
      expect(await output()).toContain('interrupted')
    })
  })

  test('ends its input with Ctrl-D', async () => {
    await withContainer({ image: on, tty: true, stdin: true, command: ['cat'] }, async (container) => {
      container.stdin.write('line\n\x04')
      expect(await container.wait()).toEqual({ exitCode: 0, signal: null })
      expect((await container.logs()).output).toBe('line\r\nline\r\n')
    })
  })

  test('of an exec is its own', async () => {
    await withContainer({ image: on, command: ['sleep', '60'] }, async (container) => {
      const { stdout, stderr } = await container.exec(['sh', '-c', 'stty size; tty; echo x >&2'], {
        tty: { rows: 10, columns: 20 },
      })
      expect({ stdout, stderr }).toEqual({ stdout: '10 20\r\n/dev/pts/0\r\nx\r\n', stderr: '' })
      const process = await container.execStream(['sh', '-c', 'read a; stty size; exec sleep 60'], { tty: true })
      await process.resize(5, 6)
      process.stdin.write('go\n')
      let text = ''
      process.stdout.on('data', (chunk: Buffer) => (text += String(chunk)))
      await expect.poll(() => text).toContain('5 6')
      process.stdin.write('\x03')
      expect(await process.exited).toEqual({ exitCode: null, signal: 'SIGINT' })
    })
  })
})

test('a large output through a terminal arrives whole', async () => {
  await withContainer({ image, command: ['sleep', '60'] }, async (container) => {
    const { stdout } = await container.exec(['seq', '100000'], { tty: true })
    expect(stdout.split('\r\n')).toHaveLength(100_001)
    expect(stdout.slice(-15)).toBe('99999\r\n100000\r\n')
  })
})

test('what was attached to a terminal is a stream', async () => {
  await withContainer(
    { image, tty: true, attach: true, command: ['sh', '-c', 'echo a; echo b >&2'] },
    async (container) => {
      const chunks: string[] = []
      container.stdout.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
      container.stderr.resume()
      await once(container.stdout, 'end')
      expect(chunks.join('')).toBe('a\r\nb\r\n')
      expect(await container.wait()).toMatchObject({ exitCode: 0 })
    },
  )
})

test("the end of the terminal's program sends what runs in its background away", async () => {
  await withContainer({ image, command: ['sleep', '60'] }, async (container) => {
    await container.exec(['sh', '-c', 'sleep 50 & exit'], { tty: true })
    expect(await shell(container, 'echo still fine')).toBe('still fine')
  })
})
