import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import { cannotRunScripts, runScript } from '../../support/scripts.ts'

const left = watchLeftovers()
const home = mkdtempSync(join(tmpdir(), 'airplant-mounted-'))
chmodSync(home, 0o755)
afterAll(async () => {
  rmSync(home, { recursive: true })
  await left.assertNone()
})

const built = new URL('../../../dist/src/', import.meta.url)

// Real root needs no user namespace to mount, and its sessions more IDs than one has.
const unshare = process.getuid?.() === 0 ? '-m' : '-Urm'

/** Starts a program with a file system of its own as the store; an ordinary user can mount it only where one ID is mapped. */
function mounting(type: string, options: string): string[] {
  return ['unshare', unshare, 'sh', '-c', `mount -t ${type} -o ${options} none ${home} && exec "$@"`, 'sh']
}

function unsupported(type: string): string | undefined {
  try {
    execFileSync('unshare', [unshare, 'mount', '-t', type, 'none', home], { stdio: 'ignore' })
    return cannotRunScripts
  } catch {
    return `no ${type} can be mounted here`
  }
}

const prelude = `
  const { ImageStore } = await import(${JSON.stringify(new URL('images/store/image-store.js', built).href)})
  const { Session } = await import(${JSON.stringify(new URL('rootless/session.js', built).href)})
  const { createHash } = await import('node:crypto')
  const { readdirSync, writeFileSync } = await import('node:fs')
  const session = await Session.start()
  const home = ${JSON.stringify(home)}
  const store = ImageStore.of(session, { AIRPLANT_HOME: home })
  const blobOf = (bytes) => {
    const digest = 'sha256:' + createHash('sha256').update(bytes).digest('hex')
    return [{ mediaType: 'x', digest, size: bytes.length }, () => [bytes.subarray(0, bytes.length / 2), bytes.subarray(bytes.length / 2)]]
  }
  const facts = { bytes: 1, entries: 1, rootMode: 0o755, markedByFiles: true, devices: [] }
  const key = 'sha256:' + 'a'.repeat(64)
  const show = (...values) => console.log(JSON.stringify(values))
`
const env = { AIRPLANT_IDS: 'single', NODE_NO_WARNINGS: '1' }

test('a full disk is told, and what did not fit is gone', async ({ skip }) => {
  const reason = unsupported('tmpfs')
  if (reason) skip(reason)
  const { stdout, stderr } = await runScript(
    `${prelude}
    const failing = async (promise) => show(await promise.catch(({ code, hint }) => [code, hint]), readdirSync(home + '/tmp'))
    await failing(store.blobs.write(...blobOf(Buffer.alloc(6e6, 1))))
    await failing(store.blobs.put(blobOf(Buffer.alloc(6e6, 2))[0].digest, Buffer.alloc(6e6, 2)))
    await failing(store.layers.create(key, async (directory) => (writeFileSync(directory + '/x', Buffer.alloc(6e6)), facts)))
    await store.blobs.write(...blobOf(Buffer.alloc(1e6, 3)))
    await store.layers.create(key, async () => facts)
    show(store.blobs.list().length, store.layers.list().length)
    await session[Symbol.asyncDispose]()`,
    { prefix: mounting('tmpfs', 'size=4m,mode=755'), env },
  )
  expect(stderr).toBe('')
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown[])
  const told = [['ERR_DISK_FULL', expect.stringContaining('airplant prune')], []]
  expect(lines.slice(0, 2)).toEqual([told, told])
  expect(lines[2]![1]).toEqual([])
  expect(lines[3]).toEqual([1, 1])
})

test('a file system without user attributes can hold a store', async ({ skip }) => {
  const reason = unsupported('ramfs')
  if (reason) skip(reason)
  const { stdout, stderr } = await runScript(
    `${prelude}
    await store.blobs.write(...blobOf(Buffer.alloc(1e6, 3)))
    await store.layers.create(key, async () => facts)
    await store.synced()
    show(store.layers.find(key).markedByFiles, store.blobs.list().length, await store.verify())
    await store.volumes.create('data')
    show(await store.prune(), await store.volumes.prune(), readdirSync(home + '/tmp'))
    await session[Symbol.asyncDispose]()`,
    { prefix: mounting('ramfs', 'mode=755'), env },
  )
  expect(stderr).toBe('')
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    [true, 1, []],
    [expect.objectContaining({ layers: 1, blobs: 1 }), ['data'], []],
  ])
})
