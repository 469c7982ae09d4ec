import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Container, FixtureOptions } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { AttachedContainer } from '../../../src/containers/attached-container.ts'
import { findContainer } from '../../../src/containers/find-container.ts'
import { checkLeftovers, errorOf, isSingleId, shell } from '../../support/containers.ts'
import { drivers } from '../../support/drivers.ts'
import { localImage, tinyLayer } from '../../support/local-image.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const parent = mkdtempSync(join(tmpdir(), 'airplant-export-'))
afterAll(() => rmSync(parent, { recursive: true }))
const base = tinyRoot(parent)
base.write('/data/gone', 'gone')
base.write('/data/kept', 'kept')
const image = localImage([base.path, tinyLayer(parent).write('data/top', 'top').path])
const sleeping: FixtureOptions = { image, command: ['sleep', '600'] }
let count = 0

/** Lines "mode links name", as the container sees its root without what is mounted. */
async function seen(container: Container): Promise<string> {
  const script = `cd /; find . -xdev \\( -path ./dev -o -path ./proc -o -path ./sys \\) -prune -o -exec stat -c '%a %u:%g %F %n' {} + | sort -k4`
  return (await shell(container, script)).replaceAll('regular empty file', 'regular file')
}

async function exported(container: Container): Promise<string> {
  const archive = join(parent, `export-${count++}.tar`)
  await writeFile(archive, await container.export())
  return archive
}

test.each(drivers)(
  'with $storage the archive is the container own view, running and stopped',
  async ({ storage, missing }) => {
    if (missing) return
    const bound = join(parent, `bound-${storage}`)
    mkdirSync(bound)
    writeFileSync(join(bound, 'of-the-host'), 'x')
    const binds = [{ source: bound, target: '/mnt' }]
    await withContainer({ ...sleeping, storage, binds }, async (container) => {
      const owner = isSingleId ? '' : 'chown 1000:1001 /data/kept; '
      await shell(
        container,
        `${owner}rm /data/gone; echo n > /data/new; chmod 4711 /data/new; ln /data/new /data/hard; mkdir -m 1777 /spool`,
      )
      const before = await seen(container)
      const archives = [await exported(container)]
      await container.stop({ timeout: 0 })
      archives.push(await exported(container))
      for (const archive of archives) {
        const tar = await withContainer(sleeping)
        await tar.copyIn({ source: archive, target: '/archive' })
        const script = `mkdir /x; cd /x; tar -x -f /archive 2>&1; mkdir -p dev proc sys`
        await shell(tar, script)
        const listing = execFileSync('tar', ['--numeric-owner', '-tvf', archive]).toString()
        expect(listing).not.toMatch(/of-the-host|data\/gone| proc\/1| dev\/null/)
        expect(listing).toMatch(/-rws--x--x 0\/0 .* (\.\/)?data\/(new|hard)\n/)
        if (!isSingleId) expect(listing).toMatch(/ 1000\/1001 .* (\.\/)?data\/kept\n/)
        expect(listing).toMatch(/drwxrwxrwt .* (\.\/)?spool\/\n/)
        const names = before
          .split('\n')
          .map((line) => line.split(' ./')[1])
          .filter((name) => name && !name.startsWith('mnt/'))
        const archived = new Set(
          execFileSync('tar', ['-tf', archive])
            .toString()
            .split('\n')
            .map((name) => name.replace(/^\.\/|\/$/g, '')),
        )
        expect(names.filter((name) => !archived.has(name!))).toEqual([])
        await tar[Symbol.asyncDispose]()
      }
    })
  },
)

test('with a single ID the files are those of the container user', async () => {
  await using session = await Session.start({ env: { ...process.env, AIRPLANT_IDS: 'single' } })
  await withContainer({ ...sleeping, session, user: 'app' }, async (container) => {
    await container.exec(['sh', '-c', 'echo x > /home/app/file'])
    await container.copyIn({ content: 'y', target: '/home/app/copied', owner: 1000, mode: 0o600 })
    expect((await container.exec(['sh', '-c', 'cat /home/app/copied; stat -c %u:%g /home/app/*'])).output).toBe(
      'y1000:1001\n1000:1001\n',
    )
    const listing = execFileSync('tar', ['--numeric-owner', '-tvf', await exported(container)]).toString()
    expect(listing).toMatch(/1000\/1001 .* home\/app\/file\n/)
    expect(listing).toMatch(/1000\/1001 .* home\/app\/copied\n/)
    await container.copyOut('/home/app', join(parent, 'app'))
    expect(readFileSync(join(parent, 'app/copied'), 'utf8')).toBe('y')
  })
})

test('another process finds the container, copies, compares and exports', async () => {
  await withContainer({ ...sleeping, name: 'found' }, async (container) => {
    await using found = await findContainer('found', process.env)
    const other = await AttachedContainer.open(found, process.env)
    await other.copyIn({ content: 'from outside', target: '/outside' })
    expect(await shell(container, 'cat /outside')).toBe('from outside')
    await other.copyOut('/data', join(parent, 'data'))
    expect(readdirSync(join(parent, 'data'))).toEqual(['gone', 'kept', 'top'])
    // Its image is no store's: what needs its layers says so, all else works.
    expect(await errorOf(other.diff())).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND' })
    expect(await errorOf(other.commit())).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND' })
    expect((await other.readFile('/outside')).toString()).toBe('from outside')
    let bytes = 0
    for await (const chunk of await other.export()) bytes += (chunk as Buffer).length
    expect(bytes).toBeGreaterThan(1_000_000)
  })
})
