import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Container, CopyInOption, FixtureOptions } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, isSingleId, shell } from '../../support/containers.ts'
import { drivers } from '../../support/drivers.ts'
import { localImage } from '../../support/local-image.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const parent = mkdtempSync(join(tmpdir(), 'airplant-copy-in-'))
afterAll(() => rmSync(parent, { recursive: true }))
const base = tinyRoot(parent)
symlinkSync('/var/data', join(base.path, 'data'))
base.write('/old/kept', 'kept')
chmodSync(join(base.path, 'old'), 0o750)
const image = localImage([base.path])
const source = join(parent, 'source')
const sleeping: FixtureOptions = { image, command: ['sleep', '600'] }

beforeAll(() => {
  mkdirSync(join(source, 'empty'), { recursive: true })
  mkdirSync(join(source, 'sub/deep'), { recursive: true })
  writeFileSync(join(source, 'file'), 'content')
  writeFileSync(join(source, 'sub/deep/tool'), '#!/bin/sh\n', { mode: 0o751 })
  writeFileSync(join(source, 'sub/new\nline'), 'n')
  writeFileSync(join(source, 'sub/größe'), 'g')
  linkSync(join(source, 'file'), join(source, 'sub/hard'))
  symlinkSync('../file', join(source, 'sub/soft'))
  symlinkSync('/nowhere', join(source, 'dangling'))
  execFileSync('mkfifo', [join(source, 'pipe')])
  writeFileSync(join(source, 'sparse'), 'x')
  truncateSync(join(source, 'sparse'), 50_000_000)
  chmodSync(join(source, 'empty'), 0o711)
  utimesSync(join(source, 'file'), 1_500_000_000, 1_500_000_000.25)
  utimesSync(join(source, 'empty'), 1_400_000_000, 1_400_000_000)
})

/** What a shell finds, in the container itself or in one of what a stopped one left. */
async function look(container: Container, script: string): Promise<string> {
  if (!container.exit) return await shell(container, script)
  const tar = Readable.toWeb(await container.export()) as AsyncIterable<Uint8Array>
  await using other = await withContainer(sleeping)
  await other.copyIn({ tar, target: '/inspected' })
  return (
    await other.exec(['/inspected/bin/busybox', 'chroot', '/inspected', '/bin/sh', '-c', script])
  ).output.trimEnd()
}

describe.each(drivers)('with $storage', ({ storage, missing }) => {
  describe.each(['running', 'stopped'])('a %s container', (state) => {
    let container: Container
    beforeAll(async () => {
      if (missing) return
      container = await withContainer({ ...sleeping, storage })
      if (state === 'stopped') await container.stop({ timeout: 0 })
    })
    afterAll(() => container[Symbol.asyncDispose]())

    test.skipIf(missing)('gets a directory as it is, as root', async () => {
      await container.copyIn({ source, target: '/new/tree' })
      const script = `cd /new/tree; stat -c '%n %F %a %u:%g %h %Y' file empty sub/deep/tool sub/hard pipe; cat sub/soft sub/g*
        for link in sub/soft dangling; do readlink $link; done; echo sub/*; stat -c '%s %b' sparse`
      const found = (await look(container, script)).split('\n')
      expect(found.slice(0, 5)).toEqual([
        'file regular file 644 0:0 2 1500000000',
        'empty directory 711 0:0 2 1400000000',
        expect.stringMatching(/^sub\/deep\/tool regular file 751 0:0 1 /) as string,
        'sub/hard regular file 644 0:0 2 1500000000',
        expect.stringMatching(/^pipe fifo 644 0:0 1 /) as string,
      ])
      const rest = found.slice(5).join('\n')
      expect(rest).toContain('contentg../file\n/nowhere\n')
      expect(rest).toContain('sub/deep sub/größe sub/hard sub/new\nline sub/soft\n')
      const [size, blocks] = found.at(-1)?.split(' ') ?? []
      expect(size).toBe('50000000')
      // A tar of it has no holes.
      if (state === 'running') expect(Number(blocks)).toBeLessThan(2000)
    })

    test.skipIf(missing)('gets content, and files instead of those that are there', async () => {
      const owner = isSingleId ? '0:0' : '33:44'
      const options: CopyInOption[] = [
        { content: 'one', target: '/made/here/one' },
        { content: Buffer.from([0, 255]), target: '/old/kept', mode: 0o600, owner },
        { content: '', target: '/empty' },
      ]
      await container.copyIn(options)
      await container.copyIn({ content: 'two', target: '/made/here/one' })
      const script = `cat /made/here/one; stat -c '%a %u:%g %s' /old/kept /empty; stat -c %a /old /made`
      expect(await look(container, script)).toBe(`two600 ${owner} 2\n644 0:0 0\n750\n755`)
    })

    test.skipIf(missing)('leads through links of its own, and not out of it', async () => {
      await container.copyIn([
        { content: '1', target: '/data/through' },
        { content: '2', target: '/data/../../../../..//dots' },
      ])
      expect(await look(container, 'cat /var/data/through /dots')).toBe('12')
    })

    test.skipIf(missing)('unpacks what tar made, with its owners', async () => {
      const tar = execFileSync('tar', ['-C', source, '--owner=7', '--group=8', '-cz', 'file', 'sub', 'empty'])
      await container.copyIn({ tar, target: '/from/tar' })
      const plain = execFileSync('tar', ['-C', source, '--exclude=sparse', '-c', '.'])
      await container.copyIn({ tar: Readable.from([plain.subarray(0, 700), plain.subarray(700)]), target: '/tmp' })
      const script = `cd /from/tar; stat -c '%u:%g %a %h' file empty sub/hard; cat sub/soft; stat -c '%a %u' /tmp; cat /tmp/file`
      const owner = isSingleId ? '0:0' : '7:8'
      expect(await look(container, script)).toBe(
        `${owner} 644 2\n${owner} 711 2\n${owner} 644 2\ncontent1777 0\ncontent`,
      )
    })
  })
})

test('globs go into the directory, and what two matches share goes there once', async () => {
  await withContainer(sleeping, async (container) => {
    await container.copyIn([
      { source: join(source, 'sub/{s,h}*'), target: '/glob' },
      { source: join(source, 'sub/**'), target: '/all' },
    ])
    expect(await shell(container, 'cd /all; echo * deep/*; cd /glob; echo *')).toBe(
      'deep größe hard soft deep/tool\nhard soft',
    )
  })
})

test('relative sources start at the working directory, whatever its name looks like', async () => {
  const odd = join(parent, '[odd] {dir}')
  mkdirSync(odd)
  writeFileSync(join(odd, 'a.sql'), 'a')
  const { copyIn } = await import('../../../src/containers/files/copy-in.ts')
  await withContainer(sleeping, async (container) => {
    await copyIn(
      container.files,
      [
        { source: '*.sql', target: '/g' },
        { source: 'a.sql', target: '/f' },
      ],
      odd,
    )
    expect(await shell(container, 'cat /g/a.sql /f')).toBe('aa')
  })
})

test('directories that are there keep owner and mode, also below the target', async () => {
  const tree = join(parent, 'overlay')
  mkdirSync(join(tree, 'tmp'), { recursive: true, mode: 0o700 })
  mkdirSync(join(tree, 'data'), { mode: 0o700 })
  writeFileSync(join(tree, 'tmp/x'), 'x')
  writeFileSync(join(tree, 'data/y'), 'y')
  await withContainer(sleeping, async (container) => {
    await container.copyIn({ source: tree, target: '/' })
    expect(await shell(container, 'stat -c %a / /tmp /var/data; cat /tmp/x /var/data/y; readlink /data')).toBe(
      '755\n1777\n755\nxy/var/data',
    )
  })
})

test('what is mounted in a running container is written to, and seen at once', async () => {
  const bound = join(parent, 'bound')
  mkdirSync(bound)
  const options = { ...sleeping, binds: [{ source: bound, target: '/bound' }], tmpfs: ['/memory'] }
  await withContainer(options, async (container) => {
    await container.copyIn([
      { content: 'b', target: '/bound/file' },
      { content: 'm', target: '/memory/file' },
    ])
    expect(await shell(container, 'cat /bound/file /memory/file')).toBe('bm')
    expect(execFileSync('cat', [join(bound, 'file')]).toString()).toBe('b')
  })
})

test('5,000 files, while others are copied at the same time', async () => {
  const many = join(parent, 'many')
  for (let at = 0; at < 5000; at++) {
    if (at % 500 === 0) mkdirSync(join(many, `${at / 500}`), { recursive: true })
    writeFileSync(join(many, `${Math.floor(at / 500)}/${at}`), `${at}`)
  }
  await withContainer(sleeping, async (container) => {
    await Promise.all([
      container.copyIn({ source: many, target: '/many' }),
      ...[1, 2, 3].map((at) => container.copyIn({ content: `${at}`, target: `/other/${at}` })),
    ])
    expect(await shell(container, 'find /many -type f | wc -l; cat /many/9/4999 /other/*')).toBe('5000\n4999123')
    await container.stop({ timeout: 0 })
    await Promise.all([1, 2, 3, 4].map((at) => container.copyIn({ content: 'later', target: `/later/${at}` })))
    expect((await container.readFile('/later/4')).toString()).toBe('later')
  })
})
