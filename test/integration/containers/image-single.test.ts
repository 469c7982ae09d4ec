import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FixtureOptions, LocalImage } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf } from '../../support/containers.ts'
import { localImage, tinyLayer } from '../../support/local-image.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const parent = mkdtempSync(join(tmpdir(), 'airplant-single-'))
afterAll(() => rmSync(parent, { recursive: true }))
const base = tinyRoot(parent)
const passwd = 'root:x:0:0::/root:/bin/sh\napp:x:77:78::/srv:/bin/sh\nservice:x:999:998::/srv:/bin/sh\n'
const accounts = tinyLayer(parent).write('etc/passwd', passwd).write('etc/group', 'root:x:0:\nspecial:x:555:\n')
let session: Session

beforeAll(async () => {
  session = await Session.start({ env: { ...process.env, AIRPLANT_IDS: 'single' } })
})
afterAll(() => session[Symbol.asyncDispose]())

async function idOf(image: LocalImage, options: FixtureOptions = {}): Promise<string> {
  const script = 'echo $(id -u):$(id -g) $HOME $(stat -c %u:%g . /var/data); touch file && stat -c %u:%g file'
  return await withContainer({ session, image, command: ['sh', '-c', script], ...options }, async (container) => {
    await container.wait()
    return (await container.logs()).output.trimEnd()
  })
}

const config = { workdir: '/work/made', volumes: ['/var/data', '/new'] }

test('the image user is the one ID there is, and what the image has is theirs', async () => {
  const image = localImage([base.path, accounts.path], { ...config, user: 'service' })
  expect(await idOf(image)).toBe('999:998 /srv 999:998 999:998\n999:998')
})

test('names are those of the topmost layer that has them', async () => {
  const image = (...layers: string[]): LocalImage => localImage([base.path, ...layers], { ...config, user: 'app' })
  expect(await idOf(image())).toMatch(/^1000:1001 \/home\/app/)
  expect(await idOf(image(accounts.path))).toMatch(/^77:78 \/srv/)
  expect(await idOf(image(accounts.path), { user: 'app:special' })).toMatch(/^77:555/)
  const hidden = tinyLayer(parent).whiteout('etc/passwd')
  expect(await errorOf(idOf(image(accounts.path, hidden.path)))).toMatchObject({ code: 'ERR_UNKNOWN_USER' })
  const linked = tinyLayer(parent)
  rmSync(join(linked.path, 'etc'), { recursive: true, force: true })
  symlinkSync('/etc', join(linked.path, 'etc'))
  expect(await errorOf(idOf(image(linked.path)))).toMatchObject({ code: expect.stringMatching(/^ERR_/) as string })
})

test('an exec is that user too, and root stays root', async () => {
  const image = localImage([base.path, accounts.path], { ...config, user: 'service', cmd: ['sleep', '60'] })
  await withContainer({ session, image }, async (container) => {
    expect((await container.exec(['id', '-u'])).output).toBe('999\n')
  })
  expect(await idOf(localImage([base.path], config))).toBe('0:0 /root 0:0 0:0\n0:0')
})
