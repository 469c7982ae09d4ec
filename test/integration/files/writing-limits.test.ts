import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FileChannel } from '../../../src/rootless/files/file-channel.ts'
import { FileWorker } from '../../../src/rootless/files/file-worker.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'
import { apply, directory, entryOf, file, layerOptions } from '../../support/apply.ts'
import { errorOf } from '../../support/containers.ts'
import type { FileTargets } from '../../support/file-target.ts'
import { fileTargets, listOf } from '../../support/file-target.ts'
import { watchLeftovers } from '../../support/leftovers.ts'

const left = watchLeftovers()
let targets: FileTargets

beforeAll(async () => {
  targets = await fileTargets()
})
afterAll(async () => {
  await targets[Symbol.asyncDispose]()
  await left.assertNone()
  // A hundred thousand files are deleted, on a machine that may be busy.
}, 180_000)

/** A channel to a worker whose root is a tmpfs of that size. */
async function tmpfs(size: string): Promise<FileChannel> {
  const plan = new Plan()
  const [root, listener] = [plan.slot(), plan.slot()]
  const socket = join(targets.session.directory, `files-${size}`)
  plan
    .listen(listener, socket)
    .newMount(root, 'tmpfs', [`size=${size}`], 0)
    .enterRoot(root)
    .files(listener)
  await targets.session.client.spawn({ kind: 'helper', plan })
  return await FileChannel.connect(socket)
}

test('owners up to the end of the mapping are given, one beyond is an error that names ID and file', async () => {
  const { uids, gids } = targets.session.mapping
  const [users, groups] = [uids, gids].map((extents) => Math.max(...extents.map(({ inside, count }) => inside + count)))
  const target = await targets.directory()
  const channel = await targets.open(target)
  const [uid, gid] = [(users ?? 0) - 1, (groups ?? 0) - 1]
  await apply(channel, [
    file('file', '', { uid, gid }),
    directory('d', { uid, gid }),
    entryOf('symlink', 'link', { link: 'x', uid, gid }),
    entryOf('fifo', 'pipe', { uid, gid }),
  ])
  for (const name of ['file', 'd', 'link', 'pipe']) {
    expect(await channel.stat(name, { follow: false })).toMatchObject({ uid, gid })
  }
  const beyond = { uid: users ?? 0, gid: groups ?? 0 }
  for (const [entry, id] of [
    [file('etc/shadow', 'x', { uid: beyond.uid, gid }), `user ID ${beyond.uid}`],
    [file('etc/shadow', 'x', { uid, gid: beyond.gid }), `group ID ${beyond.gid}`],
    [directory('d2', beyond), `user ID ${beyond.uid}`],
    [entryOf('symlink', 'l2', { link: 'x', uid, gid: beyond.gid }), `group ID ${beyond.gid}`],
    [file('none', '', { uid: 2 ** 32 - 1 }), `user ID ${2 ** 32 - 1}`],
    [file('more', '', { gid: 2 ** 32 }), `group ID ${2 ** 32}`],
  ] as const) {
    const error = await errorOf(apply(channel, [entry]))
    const { path } = 'path' in entry ? entry : entry[0]
    expect(error).toMatchObject({ code: 'ERR_UNMAPPED_OWNER', detail: path, errno: 'EINVAL' })
    expect(error.message).toContain(`Cannot set the owner of "${path}": ${id} is not mapped`)
    expect(error.hint).toContain('/etc/subuid')
  }
})

test('limits of entries, bytes and depth hold', async () => {
  const channel = await targets.open(await targets.directory())
  const limited = (limits: Partial<typeof layerOptions.limits>): typeof layerOptions => ({
    ...layerOptions,
    limits: { ...layerOptions.limits, ...limits },
  })
  const three = [file('a', '12345'), file('b', '12345'), file('c/d/e', '')]
  for (const [limits, words] of [
    [{ entries: 2 }, 'more than 2 entries'],
    [{ bytes: 9 }, 'more than 9 bytes'],
    [{ depth: 2 }, 'more than 2 directories deep'],
  ] as const) {
    const error = await errorOf(apply(channel, three, limited(limits)))
    expect(error.code).toBe('ERR_ARCHIVE_LIMIT')
    expect(error.message).toContain(words)
  }
  await apply(channel, three, limited({ entries: 3, bytes: 10, depth: 3 }))
})

test('a full disk is told as such, and before all was sent', async () => {
  const channel = await tmpfs('1m')
  channel.begin(layerOptions)
  await channel.entry(entryOf('file', 'big', { size: 2 ** 34 }))
  const chunk = Buffer.alloc(1 << 20)
  let sent = 0
  const sending = (async () => {
    for (; sent < 2 ** 14; sent++) await channel.data(chunk)
  })()
  const early = await errorOf(sending)
  expect(early).toMatchObject({ code: 'ERR_DISK_FULL', errno: 'ENOSPC', detail: 'big' })
  expect(sent).toBeLessThan(2 ** 13)
  expect(await errorOf(channel.finish())).toBe(early)
  await channel.remove('big')
  expect(await apply(channel, [file('small', 'x')])).toMatchObject({ entries: 1 })
})

test('content that is shorter or longer than its entry said is an error', async () => {
  const channel = await targets.open(await targets.directory())
  const content = Buffer.from('content')
  for (const entries of [
    [[entryOf('file', 'short', { size: 8 }), content] as const],
    [[entryOf('file', 'short', { size: 8 }), content] as const, file('next', '')],
    [[entryOf('file', 'long', { size: 6 }), content] as const],
    [[directory('d'), content] as const],
    [directory('d', { size: 1 })],
  ]) {
    const error = await errorOf(apply(channel, entries))
    expect(error).toMatchObject({ code: 'ERR_FILE_FAILED', step: 'protocol' })
  }
})

test('a target that is no directory, or is not there', async () => {
  const target = await targets.directory("open('file', 'w')")
  for (const path of [join(target, 'file'), join(target, 'none')]) {
    const error = await errorOf(FileWorker.start(targets.session, { kind: 'directory', path }))
    expect(error.code).toBe('ERR_PATH_MISSING')
    expect(error.message).toContain(path)
  }
})

test('a worker that is ended says so to whoever still writes', async () => {
  const worker = await FileWorker.start(targets.session, { kind: 'directory', path: await targets.directory() })
  const channel = await worker.connect()
  channel.begin(layerOptions)
  await worker[Symbol.asyncDispose]()
  const error = await errorOf(
    (async () => {
      for (;;) await channel.data(Buffer.alloc(1 << 20))
    })(),
  )
  expect(error.code).toBe('ERR_KEEPER_GONE')
  expect((await errorOf(channel.finish())).code).toBe('ERR_KEEPER_GONE')
})

test('its socket takes one connection, and is found however deep the state directory is', async () => {
  const base = mkdtempSync(join(tmpdir(), 'airplant-deep-'))
  chmodSync(base, 0o711)
  const before = process.env['AIRPLANT_STATE_DIR']
  process.env['AIRPLANT_STATE_DIR'] = join(base, 'deep'.repeat(30), 'deeper'.repeat(10))
  const deep = await fileTargets()
  process.env['AIRPLANT_STATE_DIR'] = before
  try {
    const target = await deep.directory()
    await using worker = await FileWorker.start(deep.session, { kind: 'directory', path: target })
    const channel = await worker.connect()
    await apply(channel, [file('file', 'x')])
    expect(await listOf(channel, '')).toEqual(['directory', 'file file'])
    expect((await errorOf(worker.connect())).code).toBe('ERR_KEEPER_GONE')
  } finally {
    await deep[Symbol.asyncDispose]()
    rmSync(base, { recursive: true })
  }
})

test('100,000 files: how many a second', { timeout: 180_000 }, async () => {
  const content = Buffer.alloc(1000, 'x')
  const figures: string[] = []
  for (const channel of [await tmpfs('1g'), await targets.open(await targets.directory())]) {
    const start = performance.now()
    channel.begin(layerOptions)
    for (let index = 0; index < 100_000; index++) {
      const path = `d${index >> 8}/file-${index}`
      await channel.entry(entryOf('file', path, { size: 1000 }))
      await channel.data(content)
    }
    expect(await channel.finish()).toMatchObject({ entries: 100_000, bytes: 100_000_000 })
    figures.push(Math.round(100_000 / ((performance.now() - start) / 1000)).toLocaleString('en'))
    channel.close()
  }
  console.log(`files a second: ${figures[0]} on tmpfs, ${figures[1]} on the file system of ${tmpdir()}`)
})
