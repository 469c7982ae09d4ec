import { createHash, randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Container, Image } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { defaultSession } from '../../../src/rootless/default-session.ts'
import { checkLeftovers, errorOf, isSingleId, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
afterAll(() => root[Symbol.dispose]())

const images: [string, Image][] = [
  ['the host image', 'host'],
  ['a root directory', { rootfs: root.path }],
]

describe.each(images)('an exec on %s', (_, image) => {
  let container: Container
  beforeAll(async () => {
    const options = { image, env: { FROM: 'container', BOTH: 'container' }, hostname: 'box', workdir: '/etc' }
    container = await withContainer({ ...options, command: ['sleep', '120'], init: true })
  })
  afterAll(() => container[Symbol.asyncDispose]())

  const alive = async (name: string): Promise<string> => await shell(container, `pidof ${name} | wc -w`)

  test('gives code, signal and output', async () => {
    expect(await container.exec(['sh', '-c', 'echo out; sleep 0.02; echo err >&2; exit 5'])).toEqual({
      exitCode: 5,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
      output: 'out\nerr\n',
    })
    expect(await container.exec(['sh', '-c', 'kill -TERM $$'])).toMatchObject({ exitCode: null, signal: 'SIGTERM' })
  })

  test('is in the container, and not its pid 1', async () => {
    expect(await shell(container, 'hostname; pidof sleep > /dev/null && test $$ -ne 1 && echo other')).toBe(
      'box\nother',
    )
  })

  test('has the environment of the container and its own', async () => {
    const { stdout } = await container.exec(['env'], { env: { BOTH: 'exec', NEW: 'ü' } })
    const names = stdout.trim().split('\n').sort()
    expect(names).toEqual([
      'BOTH=exec',
      'FROM=container',
      'HOME=/root',
      'HOSTNAME=box',
      'NEW=ü',
      expect.stringMatching(/^PATH=/),
    ])
  })

  test('has the workdir of the container or its own', async () => {
    expect((await container.exec(['pwd'])).output).toBe('/etc\n')
    expect((await container.exec(['pwd'], { workdir: '/tmp' })).output).toBe('/tmp\n')
    const error = await errorOf(container.exec(['pwd'], { workdir: '/none' }))
    expect(error).toMatchObject({ code: 'ERR_WORKDIR_MISSING', phase: 'exec', container: container.id })
  })

  test.skipIf(isSingleId)('runs as another user', async () => {
    expect((await container.exec(['sh', '-c', 'id -u; id -g; echo $HOME'], { user: 'nobody' })).output).toMatch(
      /^65534\n65534\n\/(nonexistent)?\n$/,
    )
    expect((await container.exec(['id', '-u'], { user: '1234' })).output).toBe('1234\n')
    expect((await errorOf(container.exec(['id'], { user: 'no-such' }))).code).toBe('ERR_UNKNOWN_USER')
  })

  test('reads its input to the end', async () => {
    expect((await container.exec(['cat'], { stdin: 'text ü' })).stdout).toBe('text ü')
    expect((await container.exec(['wc', '-c'], { stdin: '' })).stdout.trim()).toBe('0')
    expect((await container.exec(['cat'])).stdout).toBe('')
    const bytes = randomBytes(10_000_000)
    const { stdout } = await container.exec(['md5sum'], { stdin: bytes })
    expect(stdout).toContain(createHash('md5').update(bytes).digest('hex'))
    expect((await container.exec(['head', '-c', '3'], { stdin: Buffer.alloc(5_000_000, 'x') })).stdout).toBe('xxx')
  })

  test('passes 10 MB through as streams', async () => {
    const bytes = randomBytes(10_000_000)
    const process = await container.execStream(['cat'])
    process.stdin.end(bytes)
    process.stderr.resume()
    expect((await buffer(process.stdout)).equals(bytes)).toBe(true)
    expect(await process.exited).toEqual({ exitCode: 0, signal: null })
  })

  test('is killed after its timeout, with what it wrote', async () => {
    const error = await errorOf(container.exec(['sh', '-c', 'echo began; exec sleep 77'], { timeout: 150 }))
    expect(error).toMatchObject({ code: 'ERR_EXEC_TIMEOUT', phase: 'exec', logTail: 'began\n' })
    expect(error.message).toContain('150 ms')
    await expect.poll(() => alive('sleep'), { timeout: 5000 }).toBe('1')
  })

  test('is killed by its signal, also one that fired before', async () => {
    const controller = new AbortController()
    const aborted = errorOf(container.exec(['sleep', '78'], { signal: controller.signal }))
    setTimeout(() => controller.abort(new Error('enough')), 50)
    expect(await aborted).toMatchObject({ code: 'ERR_ABORTED', phase: 'exec', cause: { message: 'enough' } })
    const late = errorOf(container.exec(['sleep', '78'], { signal: controller.signal }))
    expect(await late).toMatchObject({ code: 'ERR_ABORTED' })
    await expect.poll(() => alive('sleep'), { timeout: 5000 }).toBe('1')
  })

  test('does not wait for a child in the background that holds its output', async () => {
    const began = performance.now()
    const { stdout } = await container.exec(['sh', '-c', 'sleep 3 & echo parent'])
    expect(stdout).toBe('parent\n')
    expect(performance.now() - began).toBeLessThan(2000)
  })

  test('runs many at once without mixing them up', async () => {
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, index) => container.exec(['sh', '-c', `echo ${index}; echo e${index} >&2`])),
    )
    results.forEach(({ stdout, stderr }, index) => expect([stdout, stderr]).toEqual([`${index}\n`, `e${index}\n`]))
  })

  test('stream: can be signalled and disposed', async () => {
    const process = await container.execStream(['sleep', '79'])
    await process.kill('SIGINT')
    expect(await process.exited).toEqual({ exitCode: null, signal: 'SIGINT' })
    const disposed = await container.execStream(['sleep', '79'])
    await disposed[Symbol.asyncDispose]()
    await expect.poll(() => alive('sleep'), { timeout: 5000 }).toBe('1')
    expect((await defaultSession()).client.live.processes).toBeLessThan(4)
  })
})

test('an exec ends with its container', async () => {
  await withContainer({ image: { rootfs: root.path }, command: ['sleep', '60'] }, async (container) => {
    const running = await container.execStream(['sleep', '60'])
    await container.stop({ timeout: 0 })
    expect(await running.exited).toMatchObject({ exitCode: null, signal: 'SIGKILL' })
    expect((await errorOf(container.exec(['true']))).code).toBe('ERR_NOT_RUNNING')
  })
})

test('an empty command and one with a NUL are refused', async () => {
  await withContainer({ image: { rootfs: root.path }, command: ['sleep', '60'] }, async (container) => {
    for (const command of [[], ['a\0b'], [1 as never]]) {
      expect((await errorOf(container.exec(command))).code).toBe('ERR_INVALID_OPTION')
    }
    expect((await errorOf(container.exec(['true'], { env: { 'A=': '' } }))).code).toBe('ERR_INVALID_OPTION')
    expect((await errorOf(container.exec(['true'], { timeout: -1 }))).code).toBe('ERR_INVALID_OPTION')
    expect((await errorOf(container.exec(['true'], { workdir: 'x' }))).code).toBe('ERR_INVALID_OPTION')
    expect((await errorOf(container.exec(['true'], { user: '1:' }))).code).toBe('ERR_INVALID_OPTION')
  })
})

test('an exec has the limits, filter and capabilities of the container', async () => {
  const limited = { rlimits: { nofile: 50 }, capabilities: { drop: ['ALL'] } }
  await withContainer({ image: { rootfs: root.path }, command: ['sleep', '60'], ...limited }, async (container) => {
    expect(await shell(container, `ulimit -n; grep -E 'CapEff|^Seccomp:|NoNewPrivs' /proc/self/status`)).toMatch(
      /^50\nCapEff:\s0{16}\nNoNewPrivs:\s1\nSeccomp:\s2$/,
    )
  })
})

test('a command with streams is bound by its timeout and signal, and says so', async () => {
  await using container = await withContainer({ command: ['sleep', '60'] })
  const late = await container.execStream(['sleep', '60'], { timeout: 50 })
  await expect(late.exited).rejects.toMatchObject({ code: 'ERR_EXEC_TIMEOUT' })
  const unwanted = await container.execStream(['sleep', '60'], { signal: AbortSignal.abort() })
  await expect(unwanted.exited).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  const wanted = await container.execStream(['true'], { timeout: 60_000 })
  expect(await wanted.exited).toEqual({ exitCode: 0, signal: null })
})

test('streams that were not asked for, and a timeout that is none, are refused', async () => {
  await using container = await withContainer({ command: ['sleep', '60'] })
  for (const stream of ['stdin', 'stdout', 'stderr'] as const) {
    expect(() => container[stream]).toThrow('was started without')
  }
  await expect(container.stop({ timeout: NaN })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
  expect(container.exit).toBeUndefined()
})
