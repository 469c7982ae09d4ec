import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KeeperProcess } from '../../../src/rootless/keeper-client.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'
import { isAirplantError } from '../../../src/errors.ts'
import type { FileTargets } from '../../support/file-target.ts'
import { fileTargets, itemsOf } from '../../support/file-target.ts'
import { watchLeftovers } from '../../support/leftovers.ts'

const left = watchLeftovers()
let targets: FileTargets

beforeAll(async () => {
  targets = await fileTargets()
})
afterAll(async () => {
  await targets[Symbol.asyncDispose]()
  await left.assertNone()
})

const MILLISECONDS = 1500

/** Runs a script for as long as the function does, over and over. */
async function whileRunning(directory: string, script: string, run: () => Promise<void>): Promise<void> {
  const loop = `import os, sys\nos.chdir(sys.argv[1])\ndef swap(a, b): os.rename(a, 'other'); os.rename(b, a); os.rename('other', b)\nwhile True:\n${script.replace(/^/gm, '  ')}`
  const plan = new Plan().hostExec(['/usr/bin/python3', '-c', loop, directory], [])
  const attacker: KeeperProcess = await targets.session.client.spawn({ kind: 'helper', attached: true, plan })
  let isOver = false
  attacker.exited.then(
    () => (isOver = true),
    () => undefined,
  )
  try {
    const end = performance.now() + MILLISECONDS
    while (performance.now() < end) await run()
    expect(isOver).toBe(false)
  } finally {
    await attacker.remove()
  }
}

test('a directory that is swapped with a link is never read through the link', async () => {
  const directory = await targets.directory(`
os.makedirs('in/d/e'); os.mkdir('out'); open('out/secret', 'w').write('secret'); os.mkdir('out/e'); open('out/e/secret', 'w')
open('in/d/e/file', 'w'); os.symlink('../out', 'in/link')`)
  const channel = await targets.open(directory)
  const kinds = new Set<string>()
  await whileRunning(directory, `swap('in/d', 'in/link')`, async () => {
    const items = await itemsOf(channel, 'in').catch(moved)
    for (const { item } of items) {
      kinds.add(`${item.entry.kind} ${item.entry.path}`)
      expect(item.entry.path).not.toContain('secret')
    }
  })
  expect([...kinds]).toContain('file d/e/file')
})

test('a directory that is moved away under the walk does not lead it elsewhere', async () => {
  const directory = await targets.directory(`
os.makedirs('in/d/e/f/g'); os.makedirs('out/x'); open('out/secret', 'w'); open('in/d/e/f/g/file', 'w')`)
  const channel = await targets.open(directory)
  await whileRunning(directory, `os.rename('in/d/e', 'out/x/e'); os.rename('out/x/e', 'in/d/e')`, async () => {
    const items = await itemsOf(channel, 'in').catch(moved)
    for (const { item } of items) expect(item.entry.path).not.toMatch(/secret|x/)
  })
})

test('a file that is swapped with a fifo, a link or a directory blocks nothing', async () => {
  const directory = await targets.directory(`
open('file', 'w').write('content'); os.mkfifo('pipe'); os.symlink('/secret', 'link'); os.mkdir('dir'); open('secret', 'w').write('no')`)
  const channel = await targets.open(directory)
  const script = `swap('file', 'pipe'); swap('pipe', 'link'); swap('link', 'dir')`
  await whileRunning(directory, script, async () => {
    for (const path of ['', 'file']) {
      const items = await itemsOf(channel, path).catch(moved)
      for (const { item, content } of items) {
        if (item.entry.path !== 'secret') expect(['', 'content']).toContain(content.toString())
      }
    }
    await channel.stat('file', { follow: true })
  })
})

test('a file that shrinks while it is read is filled up with zeros, one that grows is cut', async () => {
  const size = 40 << 20
  const directory = await targets.directory(`
open('a-shrinks', 'wb').write(b'x' * ${size}); open('b-grows', 'wb').write(b'y' * ${size}); open('c', 'w').write('c')`)
  const channel = await targets.open(directory)
  const sizes: number[] = []
  for await (const { entry, data } of channel.read('', { raw: false })) {
    if (entry.kind !== 'file') continue
    if (entry.path === 'a-shrinks') await targets.python(directory, `os.truncate('a-shrinks', 1000)`)
    if (entry.path === 'b-grows') await targets.python(directory, `open('b-grows', 'ab').write(b'z' * 1000000)`)
    let bytes = 0
    let last = 0
    for await (const chunk of data) {
      bytes += chunk.length
      last = chunk.at(-1) ?? 0
    }
    sizes.push(bytes)
    if (entry.path === 'a-shrinks') expect(last).toBe(0)
    if (entry.path === 'b-grows') expect(last).toBe('y'.charCodeAt(0))
  }
  expect(sizes).toEqual([size, size, 1])
})

test('files that come and go do not stop a read', async () => {
  const directory = await targets.directory(`os.mkdir('d')\nfor i in range(50): open('d/k%d' % i, 'w')`)
  const channel = await targets.open(directory)
  await whileRunning(directory, `open('d/x', 'w'); os.mkdir('d/y'); os.unlink('d/x'); os.rmdir('d/y')`, async () => {
    const items = await itemsOf(channel, 'd')
    expect(items.filter(({ item }) => item.entry.path.startsWith('k'))).toHaveLength(50)
    expect((await channel.usage('d')).entries).toBeGreaterThanOrEqual(51)
  })
})

// The only errors that moving things about may cause.
function moved(error: unknown): [] {
  if (isAirplantError(error) && (error.errno === 'ESTALE' || error.code === 'ERR_PATH_MISSING')) return []
  throw error
}
