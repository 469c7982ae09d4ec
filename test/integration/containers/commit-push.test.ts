import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FixtureOptions } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { saveImages } from '../../../src/images/archives/save-images.ts'
import { pushImage } from '../../../src/images/push-image.ts'
import { ImageStore } from '../../../src/images/store/image-store.ts'
import { removeByKeeper } from '../../../src/rootless/host-files.ts'
import { checkLeftovers, isSingleId, shell } from '../../support/containers.ts'
import { drivers } from '../../support/drivers.ts'
import { startRegistry, type TestRegistry } from '../../support/registry.ts'
import { testRegistry } from '../../support/test-images.ts'

const parent = mkdtempSync(join(tmpdir(), 'airplant-commit-push-'))
const outer = process.env['AIRPLANT_HOME']
process.env['AIRPLANT_HOME'] = join(parent, 'store')
checkLeftovers()
testRegistry()
let session: Session
let registry: TestRegistry

beforeAll(async () => {
  session = await Session.start()
  registry = await startRegistry()
})
afterAll(async () => {
  for (const name of ['store', 'other', 'single']) await removeByKeeper(session, join(parent, name))
  await session[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
  if (outer === undefined) delete process.env['AIRPLANT_HOME']
  else process.env['AIRPLANT_HOME'] = outer
  rmSync(parent, { recursive: true })
})

const options = (more: FixtureOptions = {}): FixtureOptions => ({
  ...{ session, image: 'busybox', command: ['sleep', '600'], stopTimeout: 0, ...more },
})
const owner = isSingleId ? 'true' : 'chown 1000:1001 /data/sub/hard'
const CHANGE = `mkdir -p /data/sub; echo 1 > /data/new; ln /data/new /data/sub/hard; ${owner}; rm -r /var; mkdir /var; touch /var/own
  chmod 4711 /data/new; rm /bin/vi; rm -r /home; mkfifo /data/pipe; ln -s /nowhere /data/soft; touch -d @1500000000 '/data/new
line'; mkdir -m 1777 /data/sticky; echo data > /etc/passwd.new; mv /etc/passwd.new /etc/extra`
// Names, kinds, modes, owners, sizes, times of files, and what links say.
const LOOK = `cd /; find . -xdev \\( -path ./proc -o -path ./dev -o -path ./sys -o -path ./etc/hosts -o -path ./etc/hostname -o -path ./etc/resolv.conf \\) -prune \\
  -o -exec stat -c '%N %F %a %u:%g' {} + | grep -v ' directory ' | sort | md5sum; find . -xdev -type d | grep -v '^./\\(proc\\|sys\\|dev\\)' | sort | md5sum
  ls -R /var /data; stat -c '%Y %s' /data/new?line; stat -c %h /data/new; cat /data/sub/hard /etc/extra`

const seen = async (more: FixtureOptions, script = LOOK): Promise<string> =>
  withContainer(options(more), (container) => shell(container, script))

describe.each(drivers)('a commit made with $storage', ({ storage, missing }) => {
  test.skipIf(missing)('comes back from a registry as it was, whiteouts and opaque directories included', async () => {
    const name = `${registry.host}/commits/${storage}:1`
    const expected = await withContainer(options({ storage }), async (container) => {
      expect(await shell(container, CHANGE)).toBe('')
      const view = await shell(container, LOOK)
      await container.stop()
      await container.commit({ reference: name, changes: ['CMD ["sh"]'] })
      return view
    })
    expect(expected).toContain('/var:\nown\n')
    expect(await seen({ image: name, storage })).toBe(expected)
    await pushImage(name, { session, env: process.env })
    const inspected = JSON.parse(
      execFileSync('skopeo', ['inspect', '--tls-verify=false', '--no-creds', `docker://${name}`]).toString(),
    ) as { Layers: string[]; Digest: string }
    expect(inspected.Layers.length).toBe(storage === 'copy' ? 1 : 2)
    await using other = await Session.start({ env: { ...process.env, AIRPLANT_HOME: join(parent, 'other') } })
    process.env['AIRPLANT_HOME'] = join(parent, 'other')
    try {
      expect(await seen({ session: other, image: name })).toBe(expected)
    } finally {
      process.env['AIRPLANT_HOME'] = join(parent, 'store')
    }
    // And with its blobs here, under the name that it had.
    expect(await seen({ image: name })).toBe(expected)
  })
})

test('what it saves has the names that a layer marks deletions with', async () => {
  const store = ImageStore.of(session, process.env)
  await withContainer(options(), async (container) => {
    await shell(container, CHANGE)
    await container.commit({ reference: 'saved:1' })
  })
  const directory = join(parent, 'layout')
  mkdirSync(directory)
  await saveImages(store, session, ['saved:1'], { to: directory, format: 'oci-dir' })
  const list = execFileSync('skopeo', ['inspect', '--raw', `oci:${directory}`]).toString()
  const { layers } = JSON.parse(list) as { layers: { digest: string }[] }
  const blob = join(directory, 'blobs', layers.at(-1)!.digest.replace(':', '/'))
  const names = execFileSync('tar', ['--numeric-owner', '-tvzf', blob]).toString()
  expect(names).toMatch(/ bin\/\.wh\.vi\n/)
  expect(names).toMatch(/ var\/\.wh\.\.wh\.\.opq\n/)
  expect(names).toMatch(/ \.wh\.home\n/)
  expect(names).toMatch(/-rws--x--x .* data\/new\n/)
})

test('with a single ID the files that it packs are the container user', async () => {
  const env = { ...process.env, AIRPLANT_IDS: 'single', AIRPLANT_HOME: join(parent, 'single') }
  await using single = await Session.start({ env })
  process.env['AIRPLANT_HOME'] = env.AIRPLANT_HOME
  try {
    const store = ImageStore.of(single, env)
    for (const [reference, user, expected] of [
      ['single:user', '1000:1001', '1000/1001'],
      ['single:root', '', '0/0'],
    ] as const) {
      await withContainer(options({ session: single, user }), async (container) => {
        await shell(container, 'echo x > /tmp/made')
        await container.commit({ reference })
      })
      const archive = join(parent, `${reference}.tar`)
      await saveImages(store, single, [reference], { to: archive, format: 'docker-archive' })
      execFileSync('mkdir', [`${archive}.d`])
      execFileSync('tar', ['-C', `${archive}.d`, '-xf', archive])
      const found = execFileSync(
        'sh',
        ['-c', `for f in $(find . -type f); do tar --numeric-owner -tvf $f tmp/made 2>/dev/null; done; true`],
        { cwd: `${archive}.d` },
      ).toString()
      expect(found).toContain(` ${expected} `)
      expect(await seen({ session: single, image: reference, user }, 'cat /tmp/made')).toBe('x')
    }
  } finally {
    process.env['AIRPLANT_HOME'] = join(parent, 'store')
  }
})
