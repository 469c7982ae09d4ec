import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ImageStore } from '../../../src/images/store/image-store.ts'
import { Session } from '../../../src/rootless/session.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { cannotRunScripts, runScript } from '../../support/scripts.ts'
import { makeImage, storeImage, type MadeImage } from '../../support/stored-image.ts'

const left = watchLeftovers()
const built = new URL('../../../dist/src/', import.meta.url)
let session: Session

beforeAll(async () => {
  session = await Session.start()
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  await left.assertNone()
})

/** Module text that stores an image, in a process that kills itself instead of making the system call of that number. */
function puller(image: MadeImage, home: string, last: number): string {
  const blob = ({ mediaType, digest, size, bytes }: MadeImage['config']): object => {
    return { mediaType, digest, size, bytes: bytes.toString('base64') }
  }
  const made = { config: blob(image.config), manifest: blob(image.manifest) }
  const layers = image.layers.map((layer) => ({ ...blob(layer), diffId: layer.diffId, content: layer.content }))
  return `
    const { ImageStore } = await import(${JSON.stringify(new URL('images/store/image-store.js', built).href)})
    const { parseReference } = await import(${JSON.stringify(new URL('images/reference.js', built).href)})
    const { Session } = await import(${JSON.stringify(new URL('rootless/session.js', built).href)})
    const { syncBuiltinESMExports } = await import('node:module')
    const { default: fs } = await import('node:fs')
    const session = await Session.start()
    let calls = 0
    const count = () => { if (++calls > ${last}) process.kill(process.pid, 'SIGKILL') }
    for (const [module, names] of [
      [fs, ['mkdirSync', 'writeFileSync', 'renameSync', 'rmSync', 'rmdirSync', 'openSync', 'linkSync', 'fsyncSync', 'writeSync']],
      [fs.promises, ['open', 'rename']],
    ]) for (const name of names) {
      const original = module[name]
      module[name] = (...args) => { count(); return original.apply(module, args) }
    }
    syncBuiltinESMExports()
    const image = ${JSON.stringify({ ...made, layers })}
    async function* streamOf(text) {
      const bytes = Buffer.from(text, 'base64')
      count()
      yield bytes.subarray(0, 50)
      count()
      yield bytes.subarray(50)
    }
    const store = ImageStore.of(session, { AIRPLANT_HOME: ${JSON.stringify(home)} })
    await store.withLock('collect', { shared: true }, async () => {
      for (const each of [image.config, ...image.layers]) {
        await store.blobs.write(each, async function* (offset) { yield* streamOf(Buffer.from(each.bytes, 'base64').subarray(offset).toString('base64')) })
      }
      await store.blobs.put(image.manifest.digest, Buffer.from(image.manifest.bytes, 'base64'))
      for (const { diffId, content } of image.layers) {
        await store.layers.create(diffId, async (directory) => {
          count()
          fs.writeFileSync(directory + '/file', content)
          return { bytes: 5, entries: 1, rootMode: 0o755, markedByFiles: false, devices: [] }
        })
      }
      const { mediaType, digest, size } = image.manifest
      await store.tag(parseReference('app'), { mediaType, digest, size })
    })
    await store.synced()
    console.log('done', calls)
    await session[Symbol.asyncDispose]()`
}

/** Of the calls at which it is killed: enough to meet every kind of them. */
const STEP = Number(process.env['AIRPLANT_TEST_KILL_STEP'] ?? 3)

test(
  'a puller that is killed, at whatever moment, leaves a store that another one completes',
  { timeout: 120_000 },
  async ({ skip }) => {
    if (cannotRunScripts) skip(cannotRunScripts)
    const image = makeImage(['base', 'top'])
    let finished = false
    for (let last = 0; !finished; last += STEP) {
      const home = mkdtempSync(join(tmpdir(), 'airplant-home-'))
      const killed = runScript(puller(image, home, last))
      // In turn it comes after the other one, or both work at once.
      if (last % 2 === 0) await killed
      const store = ImageStore.of(session, { AIRPLANT_HOME: home })
      await storeImage(store, 'app', image)
      const { stdout, stderr, code } = await killed
      finished = stdout.startsWith('done')
      expect({ last, stderr, finished: code === 0 }).toEqual({ last, stderr: '', finished })
      const found = await store.find('app')
      const contents = found?.layers.map(({ directory }) => readFileSync(join(directory, 'file'), 'utf8'))
      expect({ last, contents }).toEqual({ last, contents: ['base', 'top'] })
      expect(await store.verify()).toEqual([])
      // A file that was about to replace another one tells nobody whose it is, and is given an hour.
      for (const name of readdirSync(join(home, 'tmp')))
        if (name.endsWith('.new')) utimesSync(join(home, 'tmp', name), 0, 0)
      expect(await store.prune()).toMatchObject({ images: [], layers: 0 })
      expect({ last, tmp: readdirSync(join(home, 'tmp')) }).toEqual({ last, tmp: [] })
      expect(await store.list()).toHaveLength(1)
      await store.synced()
      rmSync(home, { recursive: true })
    }
  },
)
