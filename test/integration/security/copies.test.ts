import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isAirplantError, withContainer, type Container } from '../../../src/index.ts'
import { compileAttacker, during } from '../../support/attacker.ts'
import { checkLeftovers, errorOf, shell } from '../../support/containers.ts'
import { hashTree, tinyRoot, type TinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const attacker = compileAttacker()
const parent = mkdtempSync(join(tmpdir(), 'airplant-copies-'))
const victim = join(parent, 'victim')
const shared = join(parent, 'shared')
const ROUNDS = 100
let root: TinyRoot
let container: Container
let before = ''

beforeAll(async () => {
  for (const directory of [victim, join(victim, 'sub'), shared]) mkdirSync(directory)
  writeFileSync(join(victim, 'secret'), 'OUTSIDE')
  writeFileSync(join(victim, 'sub/secret'), 'OUTSIDE')
  before = hashTree(victim)
  root = tinyRoot()
  attacker.addTo(root)
  plant(root)
  container = await withContainer({
    ...{ image: { rootfs: root.path }, command: ['sleep', '600'], stopTimeout: 0 },
    binds: [{ source: shared, target: '/shared' }],
  })
})
afterAll(async () => {
  await container[Symbol.asyncDispose]()
  root[Symbol.dispose]()
  rmSync(parent, { recursive: true })
})

/** What would show that something of the container's was loaded or executed for a copy. */
function plant(into: TinyRoot): void {
  const library = join(parent, 'evil.so')
  const code =
    '#include <fcntl.h>\n__attribute__((constructor)) void f(void) { open("/executed", O_CREAT | O_WRONLY, 0666); }'
  execFileSync('cc', ['-shared', '-fPIC', '-x', 'c', '-', '-o', library], { input: code })
  const places = ['lib/x86_64-linux-gnu', 'lib64', 'usr/lib', 'lib'].map(
    (directory) => `${directory}/libnss_files.so.2`,
  )
  for (const place of [...places, 'evil.so']) into.write(place, readFileSync(library), 0o755)
  into.write('etc/ld.so.preload', '/evil.so\n')
  into.write('etc/nsswitch.conf', 'passwd: files evil\ngroup: files evil\n')
  for (const name of [
    'tar',
    'gzip',
    'gunzip',
    'xz',
    'unxz',
    'unpigz',
    'zstd',
    'bzip2',
    'airplant-keeper',
    'docker-tar',
  ]) {
    for (const directory of ['bin', 'usr/bin', 'usr/local/bin', 'sbin']) {
      into.write(`${directory}/${name}`, '#!/bin/sh\ntouch /executed\n', 0o755)
    }
  }
}

/** A copy may fail in a race, with an error that says so. */
async function attempt<T>(copy: Promise<T>): Promise<T | undefined> {
  try {
    return await copy
  } catch (error) {
    if (isAirplantError(error)) return undefined
    throw error
  }
}

/** Keeps a directory and a link to the victim changing places in the container. */
async function whileSwapping(link: string, act: (round: number) => Promise<void>, at = '/swap'): Promise<void> {
  await shell(
    container,
    `rm -rf ${at}; mkdir -p ${at}/place/sub; echo inside > ${at}/place/secret; echo inside > ${at}/place/sub/secret; ln -s ${link} ${at}/other`,
  )
  const last = await during(container, ['swap', `${at}/place`, `${at}/other`], async () => {
    for (let round = 0; round < ROUNDS; round++) await act(round)
  })
  expect(last).toMatch(/^rounds [1-9]\d*$/)
  expect(hashTree(victim)).toBe(before)
}

function contentsBelow(directory: string): string {
  return existsSync(directory)
    ? execFileSync('sh', ['-c', 'cat $(find . -type f) /dev/null'], { cwd: directory }).toString()
    : ''
}

const links = [victim, `../../../../../../../..${victim}`, `/proc/1/root/../../../..${victim}`, '/proc/self/cwd']

describe.each(links)('a directory that is a link to "%s" half of the time', (link) => {
  test('CVE-2018-15664, CVE-2026-42306: does not lead a copy into the container outside', async () => {
    const source = join(parent, 'tree')
    mkdirSync(join(source, 'sub/deeper'), { recursive: true })
    for (const name of ['secret', 'sub/secret', 'sub/deeper/new']) writeFileSync(join(source, name), 'copied')
    const tar = execFileSync('tar', ['-C', source, '-c', 'secret', 'sub'])
    await whileSwapping(link, async (round) => {
      await attempt(container.copyIn({ content: 'copied', target: `/swap/place/new-${round}` }))
      await attempt(container.copyIn({ source, target: '/swap/place' }))
      await attempt(container.copyIn({ tar, target: '/swap/place/sub' }))
    })
  }, 60_000)

  test('CVE-2018-15664, CVE-2023-0778: does not lead a copy out of it or an export outside', async () => {
    let copied = 0
    await whileSwapping(link, async (round) => {
      const to = join(parent, `out-${round}`)
      await attempt(container.copyOut('/swap/place/secret', join(to, 'file')))
      await attempt(container.copyOut('/swap', join(to, 'tree')))
      const content = await attempt(container.readFile('/swap/place/sub/secret'))
      expect(contentsBelow(to) + String(content)).not.toContain('OUTSIDE')
      copied += Number(existsSync(join(to, 'file')))
      rmSync(to, { recursive: true, force: true })
      if (round % 10 > 0) return
      const parts: Buffer[] = []
      for await (const chunk of await container.copyOut('/swap')) parts.push(chunk as Buffer)
      expect(Buffer.concat(parts).toString('latin1')).not.toContain('OUTSIDE')
    })
    expect(copied).toBeGreaterThan(0)
  }, 60_000)
})

test('CVE-2018-15664: a destination that the container has mounted and swaps is not left', async () => {
  await shell(
    container,
    'mkdir -p /give/place/sub/a/b; echo new > /give/place/secret; echo new > /give/place/sub/secret; ln /give/place/secret /give/place/sub/a/hard',
  )
  await whileSwapping(
    victim,
    async () => {
      await attempt(container.copyOut('/give', join(shared, 'swap')))
      await attempt(container.copyOut('/give/place', join(shared, 'swap')))
    },
    '/shared/swap',
  )
  expect(readdirSync(victim).sort()).toEqual(['secret', 'sub'])
}, 60_000)

test('CVE-2019-14271, GHSA-x86f: nothing of the container is loaded or executed for a copy', async () => {
  const tar = execFileSync('tar', ['-C', victim, '-c', 'secret'])
  await container.copyIn([
    { tar: gzipSync(tar), target: '/tmp/gzip' },
    { tar: execFileSync('zstd', ['-c'], { input: tar }), target: '/tmp/zstd' },
    { content: 'x', target: '/tmp/owned', owner: 0 },
  ])
  await container.copyOut('/etc', join(parent, 'etc'))
  for await (const chunk of await container.export()) expect(chunk).toBeDefined()
  await container.diff()
  expect(await shell(container, 'ls / | grep executed')).toBe('')
  expect(existsSync('/executed')).toBe(false)
  // The trap is not a dud.
  await container.exec(['tar'])
  expect(await shell(container, 'ls / | grep executed')).toBe('executed')
})

test('names that mean something to shells, terminals and paths come out as they are', async () => {
  const names = [
    '-rf',
    '...',
    ' ',
    '..x',
    'a\nb',
    '\u001b[31mred',
    '$(touch x)',
    '~',
    'CON',
    '%2e%2e%2f',
    'x'.repeat(255),
    '\\..\\..',
  ]
  const make = names.map((name) => `./'${name}'`).join(' ')
  await shell(container, `mkdir -p /names; cd /names; for name in ${make}; do echo n > "$name"; done`)
  const to = join(parent, 'names')
  await container.copyOut('/names', to)
  expect(readdirSync(to).sort()).toEqual([...names].sort())
  expect(readdirSync(parent).sort()).toContain('names')
  await shell(container, `cd /names; touch "$(printf 'caf\\351')"`)
  expect(await errorOf(container.copyOut('/names', to))).toMatchObject({ code: 'ERR_FILE_FAILED' })
})

test('directories nested thousands deep are copied or refused, and nothing waits', async () => {
  await shell(
    container,
    'mkdir /deep; cd /deep; i=0; while [ $i -lt 1500 ]; do mkdir d; cd d; i=$((i+1)); done; echo bottom > file',
  )
  const to = join(parent, 'deep')
  const error = await container.copyOut('/deep', to).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error === undefined) expect(execFileSync('find', [to, '-name', 'file']).toString()).toMatch(/file\n$/)
  else expect(isAirplantError(error)).toBe(true)
  execFileSync('rm', ['-rf', to])
  let bytes = 0
  for await (const chunk of await container.copyOut('/deep')) bytes += (chunk as Buffer).length
  expect(bytes).toBeGreaterThan(1500 * 512)
})

test('links that the kernel resolves by itself are not followed', async () => {
  for (const [link, target] of [
    ['/magic', '/proc/1/root'],
    ['/magic2', '/proc/self/cwd'],
    ['/magic3', '/proc/1/fd'],
  ]) {
    await shell(container, `ln -s ${target} ${link}`)
    await attempt(container.copyIn({ content: 'x', target: `${link}/victim-of-magic` }))
    await attempt(container.copyIn({ content: 'x', target: `${link}${victim}/magic` }))
  }
  expect(hashTree(victim)).toBe(before)
  expect(existsSync('/victim-of-magic')).toBe(false)
})
