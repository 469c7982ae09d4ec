import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Container, FixtureOptions } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf, shell } from '../../support/containers.ts'
import { drivers } from '../../support/drivers.ts'
import { localImage, tinyLayer } from '../../support/local-image.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const parent = mkdtempSync(join(tmpdir(), 'airplant-diff-'))
afterAll(() => rmSync(parent, { recursive: true }))
const base = tinyRoot(parent)
base.write('/data/list', 'base')
base.write('/data/sub/gone', 'hidden by a layer')
base.write('/replaced/inside', 'x')
base.write('/tree/a/b', 'b')
base.write('/remade/old', 'old')
base.write('/remade/both', 'both')
base.write('/file', 'file')
base.write('/untouched/file', 'x')
const top = tinyLayer(parent).whiteout('data/sub').write('data/new', 'new').write('replaced', 'now a file')
const image = localImage([base.path, top.path])
const sleeping: FixtureOptions = { image, command: ['sleep', '600'] }

const CHANGES = `echo more >> /data/list; rm /data/new; mkdir /data/sub; touch /data/sub/back; rm /replaced
  rm -r /tree; rm -r /remade; mkdir /remade; echo new > /remade/both; rm /file; mkdir /file; touch /file/in; mkdir /added; touch /added/x`
const EXPECTED = `A /added; A /added/x; A /data/sub; A /data/sub/back; A /file/in; C /data; C /data/list; C /file; C /remade; C /remade/both; D /data/new; D /remade/old; D /replaced; D /tree`

async function lines(container: Container): Promise<string> {
  const letters = { added: 'A', changed: 'C', deleted: 'D' }
  const changes = await container.diff()
  expect(changes.map(({ path }) => path)).toEqual(changes.map(({ path }) => path).sort())
  return changes
    .map(({ kind, path }) => `${letters[kind]} ${path}`)
    .sort()
    .join('; ')
}

describe.each(drivers)('with $storage', ({ storage, missing }) => {
  test.skipIf(missing)(
    'nothing has changed in a new container, and all that did is told, running and stopped',
    async () => {
      await withContainer({ ...sleeping, storage }, async (container) => {
        expect(await lines(container)).toBe('')
        expect(await shell(container, CHANGES)).toBe('')
        // Who compares two trees sees no difference in what was written anew with the same content.
        expect(await lines(container)).toBe(EXPECTED)
        await container.stop({ timeout: 0 })
        expect(await lines(container)).toBe(EXPECTED)
        await container.copyIn({ content: 'x', target: '/later/x' })
        expect(await lines(container)).toBe(
          `A /added; A /added/x; A /data/sub; A /data/sub/back; A /file/in; A /later; A /later/x${EXPECTED.slice(EXPECTED.indexOf('; C'))}`,
        )
      })
    },
  )

  test.skipIf(missing)('owners, modes and links count, reading does not', async () => {
    await withContainer({ ...sleeping, storage }, async (container) => {
      await shell(
        container,
        'cat /untouched/file; chmod 600 /data/list; ln -s list /data/link; ln /data/new /data/hard',
      )
      const found = await lines(container)
      expect(found).toContain('A /data/hard; A /data/link; C /data; C /data/list')
      expect(found).not.toContain('untouched')
    })
  })
})

test('a deleted tree is one line, however many layers and files it had', async () => {
  const layers = [base.path]
  for (let at = 0; at < 5; at++) {
    const layer = tinyLayer(parent)
    for (let file = 0; file < 200; file++) layer.write(`many/${at}/${file}`, '')
    layers.push(layer.path)
  }
  await withContainer({ image: localImage(layers), command: ['rm', '-r', '/many'] }, async (container) => {
    await container.wait()
    expect(await lines(container)).toBe('D /many')
  })
})

describe('what cannot be compared', () => {
  let host: Container
  beforeAll(async () => {
    host = await withContainer({ command: ['sleep', '600'] })
  })
  afterAll(() => host[Symbol.asyncDispose]())

  test('the host image, of which nothing is kept', async () => {
    expect(await errorOf(host.diff())).toMatchObject({ code: 'ERR_NOT_RUNNING' })
    expect(await errorOf(host.commit())).toMatchObject({ code: 'ERR_NOT_RUNNING' })
  })
})
