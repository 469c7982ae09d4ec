import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Container, FixtureOptions } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf, shell } from '../../support/containers.ts'
import { localImage } from '../../support/local-image.ts'
import { processesOnHost } from '../../support/processes.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const parent = mkdtempSync(join(tmpdir(), 'airplant-copy-'))
afterAll(() => rmSync(parent, { recursive: true }))
const base = tinyRoot(parent)
const sleeping: FixtureOptions = { image: localImage([base.path]), command: ['sleep', '600'] }
const GIGABYTE = 1024 ** 3
let session: Session
let container: Container

beforeAll(async () => {
  session = await Session.start()
  container = await withContainer({ ...sleeping, session })
})
afterAll(async () => {
  await container[Symbol.asyncDispose]()
  await session[Symbol.asyncDispose]()
})

/** File workers of the session, by their argument or parent: what is below its keeper and not the container's. */
function workers(): number {
  const all = processesOnHost()
  const keeper = all.find(({ pid }) => pid === session.keeperPid)
  return all.filter(({ parent: of, pid }) => of === keeper?.pid && pid !== container.pid).length
}

async function settled(count: number): Promise<void> {
  for (let tries = 0; tries < 100 && workers() !== count; tries++) await delay(20)
  expect(workers()).toBe(count)
}

describe('a large file', () => {
  test('streams in and out with bounded memory', async () => {
    const before = process.memoryUsage().rss
    let most = 0
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss - before)), 10)
    await shell(container, 'dd if=/dev/zero of=/big bs=1M count=256 2>/dev/null')
    const out = join(parent, 'big')
    await container.copyOut('/big', out)
    expect(statSync(out).size).toBe(256 * 1024 ** 2)
    await container.copyIn({ source: out, target: '/copied' })
    await container.copyIn({ tar: await container.copyOut('/copied'), target: '/again' })
    clearInterval(watch)
    expect(await shell(container, 'stat -c %s /again/copied; rm -r /big /copied /again')).toBe(`${256 * 1024 ** 2}`)
    rmSync(out)
    expect(most).toBeLessThan(200 * 1024 ** 2)
  }, 60_000)

  test('that is given up early leaves no process, and is not read to its end', async () => {
    const idle = workers()
    await shell(container, `dd if=/dev/zero of=/holes bs=1 count=1 seek=${200 * GIGABYTE} 2>/dev/null`)
    const began = performance.now()
    const stream = await container.copyOut('/holes')
    for await (const chunk of stream) {
      expect((chunk as Buffer).length).toBeGreaterThan(0)
      break
    }
    const unread = await container.copyOut('/')
    expect(workers()).toBeGreaterThan(idle)
    unread.destroy()
    await settled(idle)
    // There is no room for it in the destination, or it may not be written to.
    expect(await errorOf(container.copyOut('/holes', '/dev/full'))).toMatchObject({ code: 'ERR_FILE_FAILED' })
    expect(await errorOf(container.readFile('/holes'))).toMatchObject({ code: 'ERR_FILE_FAILED' })
    expect(await errorOf(container.readFile('/'))).toMatchObject({ code: 'ERR_FILE_FAILED' })
    await settled(idle)
    expect(performance.now() - began).toBeLessThan(5000)
  })
})

describe('in the middle of a copy', () => {
  /** Something that is copied in for as long as the test wants. */
  function endless(): { tar: PassThrough; feed: () => void } {
    const tar = new PassThrough()
    const header = Buffer.alloc(512)
    header.write('endless\0', 0)
    header.write('0000644\0' + '0000000\0' + '0000000\0', 100)
    header.write('77777777777\0' + '00000000000\0', 124)
    header.write('        0', 148)
    header.write('ustar\0' + '00', 257)
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    )
    tar.write(header)
    return { tar, feed: () => void tar.write(Buffer.alloc(65_536, 1)) }
  }

  /** Resolves when that is under way. */
  const isComing = (to: Container): Promise<void> =>
    expect.poll(async () => (await to.exec(['test', '-e', '/in/endless'])).exitCode, { timeout: 10_000 }).toBe(0)

  test.each(['killed', 'removed'])('a container is %s: a clear error, and nothing is left', async (how) => {
    const victim = await withContainer({ ...sleeping, session, stopTimeout: 0 })
    await shell(victim, `dd if=/dev/zero of=/holes bs=1 count=1 seek=${200 * GIGABYTE} 2>/dev/null`)
    const { tar, feed } = endless()
    const feeding = setInterval(feed, 5)
    const out = join(parent, `holes-${how}`)
    let streamed = 0
    const copies = [
      victim.copyIn({ tar, target: '/in' }),
      victim.copyOut('/holes', out),
      (async () => {
        for await (const chunk of await victim.copyOut('/holes')) streamed += (chunk as Buffer).length
      })(),
    ]
    const ends = Promise.allSettled(copies)
    await isComing(victim)
    await expect.poll(() => existsSync(out)).toBe(true)
    await expect.poll(() => streamed).toBeGreaterThan(0)
    if (how === 'killed') await victim.signal('KILL')
    await victim[Symbol.asyncDispose]()
    const results = await ends
    clearInterval(feeding)
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected' })
      const { code, message } = (result as PromiseRejectedResult).reason as { code: string; message: string }
      expect(code, message).toMatch(/^ERR_(KEEPER_GONE|NOT_RUNNING|FILE_FAILED)$/)
    }
    rmSync(out, { force: true })
  })

  test('a stopped container is removed: who waited for a turn is told', async () => {
    const victim = await withContainer({ ...sleeping, session, stopTimeout: 0 })
    await victim.stop()
    const { tar, feed } = endless()
    feed()
    const first = errorOf(victim.copyIn({ tar, target: '/in' }))
    const second = errorOf(victim.copyIn({ content: 'x', target: '/x' }))
    await victim[Symbol.asyncDispose]()
    tar.destroy()
    await first
    const removed = { code: 'ERR_NOT_RUNNING', message: expect.stringContaining('it was removed') as string }
    expect(await second).toMatchObject(removed)
  })

  test('its session ends: the same, whoever reads', async () => {
    const own = await Session.start()
    const victim = await withContainer({ ...sleeping, session: own })
    const { tar, feed } = endless()
    const feeding = setInterval(feed, 5)
    const stream = await victim.copyOut('/')
    const copy = errorOf(victim.copyIn({ tar, target: '/in' }))
    await isComing(victim)
    await own[Symbol.asyncDispose]()
    expect(await copy).toMatchObject({ code: 'ERR_KEEPER_GONE' })
    clearInterval(feeding)
    stream.destroy()
    expect(await errorOf(victim.readFile('/etc/passwd'))).toMatchObject({ code: 'ERR_KEEPER_GONE' })
  })

  test('its worker is killed: a clear error, and the next copy works', async () => {
    const idle = new Set(processesOnHost().map(({ pid }) => pid))
    const { tar, feed } = endless()
    const feeding = setInterval(feed, 5)
    const copy = errorOf(container.copyIn({ tar, target: '/in' }))
    await isComing(container)
    const all = processesOnHost()
    for (const { pid, parent: of } of all) if (of === session.keeperPid && !idle.has(pid)) process.kill(pid, 'SIGKILL')
    expect(await copy).toMatchObject({ code: 'ERR_KEEPER_GONE' })
    clearInterval(feeding)
    await container.copyIn({ content: 'x', target: '/after' })
    expect((await container.readFile('/after')).toString()).toBe('x')
  })

  test('the disk is full: a clear error, and what is there stays', async () => {
    await withContainer({ ...sleeping, session, tmpfs: [{ target: '/small', size: '2m' }] }, async (small) => {
      await shell(small, 'echo kept > /small/kept; dd if=/dev/zero of=/small/fill bs=64k 2>/dev/null; true')
      expect(await errorOf(small.copyIn({ source: base.path, target: '/small/tree' }))).toMatchObject({
        code: 'ERR_DISK_FULL',
      })
      expect((await small.readFile('/small/kept')).toString()).toBe('kept\n')
      await shell(small, 'rm /small/fill')
      await small.copyIn({ content: 'room', target: '/small/room' })
    })
  })
})

describe('readFile', () => {
  const read = async (path: string): Promise<string> => (await container.readFile(path)).toString()

  test('follows links as a process in the container does', async () => {
    await shell(
      container,
      `mkdir -p /r/real/deep; cd /r; echo deep > real/deep/file; ln -s real/deep short; ln -s ../up short/link; echo up > real/up
       ln -s /r/short/link absolute; ln -s absolute twice; ln -s loop loop; ln -s /../../../r/real/up out`,
    )
    // Relative to where the directory really is, not to the name it was reached by.
    expect(await read('/r/short/link')).toBe('up\n')
    for (const path of ['/r/absolute', '/r/twice', '/r/out']) expect(await read(path)).toBe('up\n')
    expect(await errorOf(container.readFile('/r/loop'))).toMatchObject({ code: 'ERR_FILE_FAILED' })
    expect(await errorOf(container.readFile('/r/none'))).toMatchObject({ code: 'ERR_PATH_MISSING' })
  })

  test('holds no more than it may, and waits for nobody', async () => {
    await shell(container, 'cd /r; printf 12345 > five; mknod pipe p; ln -s pipe to-pipe')
    expect((await container.readFile('/r/five', { limit: 5 })).length).toBe(5)
    expect((await errorOf(container.readFile('/r/five', { limit: 4 }))).message).toContain('5 bytes')
    for (const path of ['/r', '/r/pipe', '/r/to-pipe', '/dev/zero', '/dev/tty']) {
      expect(await errorOf(container.readFile(path))).toMatchObject({ code: 'ERR_FILE_FAILED' })
    }
  })

  test('reads files of the kernel, as the container has them', async () => {
    expect(await read('/proc/1/cmdline')).toBe('sleep\x00600\0')
    expect(await read('/proc/1/comm')).toBe('sleep\n')
    expect(await read('/sys/class/net/lo/mtu')).toBe('65536\n')
    expect(await read('/proc/1/mounts')).toContain(' / ')
    expect(await errorOf(container.readFile('/proc/kmsg'))).toMatchObject({ code: 'ERR_FILE_FAILED' })
    // A link by which the kernel leads anywhere.
    for (const path of ['/proc/1/root', '/proc/1/exe', '/proc/1/root/etc/passwd', '/proc/1/fd/0']) {
      expect(await errorOf(container.readFile(path))).toMatchObject({ code: expect.stringMatching(/^ERR_/) as string })
    }
    await container.copyOut('/proc/1/status', join(parent, 'status'))
    expect(statSync(join(parent, 'status')).size).toBeGreaterThan(100)
  })
})
