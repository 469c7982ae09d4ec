import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isAirplantError, withContainer, type Container, type FixtureOptions } from '../../../src/index.ts'
import { compileAttacker, during } from '../../support/attacker.ts'
import { checkLeftovers, errorOf, shell } from '../../support/containers.ts'
import { hashTree, tinyRoot, type TinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const attacker = compileAttacker()
// Per link that is swapped in; about 200 in all.
const STARTS = 34
const base = mkdtempSync(join(tmpdir(), 'airplant-race-'))
const [shared, victim, source] = ['shared', 'victim', 'source'].map((name) => join(base, name)) as [
  string,
  string,
  string,
]
let root: TinyRoot
let swapper: Container
let before = ''

beforeAll(async () => {
  for (const directory of [shared, victim, source]) mkdirSync(directory)
  writeFileSync(join(victim, 'file'), 'untouched')
  writeFileSync(join(source, 'mark'), 'bound')
  before = hashTree(victim)
  root = tinyRoot()
  attacker.addTo(root)
  swapper = await withContainer({
    image: { rootfs: root.path },
    command: ['sleep', '600'],
    binds: [{ source: shared, target: '/shared' }],
  })
})

afterAll(async () => {
  await swapper[Symbol.asyncDispose]()
  root[Symbol.dispose]()
  rmSync(base, { recursive: true, force: true })
})

/** A start may fail in a race, with an error that says so. */
async function startOrFail(options: FixtureOptions): Promise<Container | undefined> {
  try {
    return await withContainer(options)
  } catch (error) {
    if (isAirplantError(error)) return undefined
    throw error
  }
}

/** Starts containers that share the bind, many times, while a link and a directory change places in it. */
async function startWhileSwapping(
  link: string,
  options: FixtureOptions,
  check?: (container: Container) => Promise<void>,
): Promise<void> {
  rmSync(join(shared, 'place'), { recursive: true, force: true })
  rmSync(join(shared, 'other'), { recursive: true, force: true })
  mkdirSync(join(shared, 'place'))
  symlinkSync(link, join(shared, 'other'))
  const hashOfRoot = hashTree(root.path)
  const last = await during(swapper, ['swap', '/shared/place', '/shared/other'], async () => {
    for (let i = 0; i < STARTS; i++) {
      const binds = [{ source: shared, target: '/shared' }, ...(options.binds ?? [])]
      const container = await startOrFail({ image: { rootfs: root.path }, command: ['sleep', '60'], ...options, binds })
      if (container && check && i % 10 === 0) await check(container)
      await container?.[Symbol.asyncDispose]()
    }
  })
  expect(last).toMatch(/^rounds [1-9]\d+$/)
  expect(hashTree(victim)).toBe(before)
  expect(hashTree(root.path)).toBe(hashOfRoot)
  expect(readdirSync(source)).toEqual(['mark'])
}

test('CVE-2021-30465, CVE-2024-45310: a mount target that is a link half of the time never leads outside', async () => {
  for (const link of [victim, `../../../../../../../..${victim}`, '/']) {
    await startWhileSwapping(link, {
      binds: [{ source, target: '/shared/place/deep/target' }],
      tmpfs: ['/shared/place/tmp'],
    })
  }
  expect(readdirSync(victim)).toEqual(['file'])
})

test('CVE-2025-31133, CVE-2025-52565: races for /dev, the terminal and masks change nothing', async () => {
  await startWhileSwapping(
    '/dev',
    { binds: [{ source, target: '/shared/place/pts' }], tty: true },
    async (container) => {
      expect(await shell(container, 'stat -c %t:%T /dev/null /proc/keys')).toBe('1:3\n1:3')
      expect(await shell(container, 'cat /proc/self/mountinfo | grep -c " /proc/sys ro"')).toBe('1')
    },
  )
})

test('CVE-2018-15664, CVE-2026-42306: files placed while the target is swapped stay inside', async () => {
  await startWhileSwapping(victim, {
    files: [
      { target: '/shared/place/file', content: 'attack' },
      { target: '/shared/place/new/file', content: 'attack' },
    ],
  })
  expect(readFileSync(join(victim, 'file'), 'utf8')).toBe('untouched')
})

test('CVE-2024-21626, CVE-2026-55686: a working directory that is swapped is inside, or the start fails', async () => {
  await startWhileSwapping('/proc/self/fd/7', { workdir: '/shared/place' }, async (container) => {
    const { stdout } = await container.exec(['readlink', '/proc/1/cwd'], { workdir: '/' })
    expect(stdout).toMatch(/^\/(shared\/(place|other))?\n$/)
  })
})

test('CVE-2024-23652: a mount point that the container replaces by a link is not followed when it is removed', async () => {
  const script = `rm -rf /a; ln -s ${victim} /a; rm -rf /tmp; ln -s ${victim} /tmp; rm -f /etc/passwd; ln -s ${join(victim, 'file')} /etc/passwd`
  const container = await withContainer({
    image: { rootfs: root.path },
    command: ['sleep', '60'],
    tmpfs: ['/a/b'],
    binds: [{ source, target: '/a/c' }],
  })
  await shell(container, `umount /a/b /a/c 2>/dev/null; mv /a /moved; ${script}`)
  await container[Symbol.asyncDispose]()
  expect(hashTree(victim)).toBe(before)
  expect(readdirSync(source)).toEqual(['mark'])
})

test('a source that is a link is followed by the host’s rules, and what it shows keeps its limits', async () => {
  symlinkSync(source, join(base, 'link'))
  execFileSync('mkfifo', [join(base, 'fifo')])
  const image = { rootfs: root.path }
  await using container = await withContainer({
    image,
    command: ['sleep', '60'],
    binds: [{ source: join(base, 'link'), target: '/b', readOnly: true }],
  })
  expect(await shell(container, 'cat /b/mark; echo x > /b/mark; touch /b/x; cat /b/../../../victim/file')).toMatch(
    /^bound.*Read-only.*Read-only/s,
  )
  expect(await shell(container, 'cut -d" " -f5,6 /proc/self/mountinfo | grep "^/b "')).toMatch(/^\/b ro,nosuid,nodev/)
  expect(readFileSync(join(source, 'mark'), 'utf8')).toBe('bound')
  for (const missing of [join(base, 'none'), join(source, 'mark', 'x')]) {
    expect(
      (await errorOf(withContainer({ image, command: ['true'], binds: [{ source: missing, target: '/b' }] }))).code,
    ).toBe('ERR_SOURCE_MISSING')
  }
})

test('the whole host and its /proc are no sources, because they would show other containers', async () => {
  symlinkSync('/', join(base, 'everything'))
  const image = { rootfs: root.path }
  for (const name of ['/', '/proc', '/proc/self/root', '/proc/1', join(base, 'everything'), '/tmp/..', '//']) {
    for (const readOnly of [true, false]) {
      const binds = [{ source: name, target: '/b', readOnly }]
      const error = await errorOf(withContainer({ image, command: ['true'], binds }))
      expect({ name, code: error.code }).toEqual({ name, code: 'ERR_INVALID_OPTION' })
    }
  }
})

test('CVE-2024-9407: a read-only bind is read-only below, and options are no text to inject into', async () => {
  const image = { rootfs: root.path }
  await using container = await withContainer({
    image,
    command: ['sleep', '60'],
    binds: [{ source: '/dev', target: '/devices', readOnly: true }],
  })
  const lines = (await shell(container, 'cut -d" " -f5,6 /proc/self/mountinfo | grep "^/devices"')).split('\n')
  for (const line of lines) expect(line).toMatch(/ ro,/)
  const target = '/b,rw:suid'
  await using odd = await withContainer({
    image,
    command: ['sleep', '60'],
    binds: [{ source, target, readOnly: true }],
    tmpfs: ['/t,size=1,mode=4777'],
  })
  expect(await shell(odd, `touch '${target}/x' 2>&1; stat -c %a '/t,size=1,mode=4777'`)).toMatch(
    /Read-only[^\n]*\n1777$/,
  )
  expect(await shell(odd, `grep -c 'shared:\\|master:' /proc/self/mountinfo`)).toBe('0')
})
