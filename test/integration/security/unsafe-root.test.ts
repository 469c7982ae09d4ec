import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { withContainer } from '../../../src/index.ts'
import { attempt } from '../../support/attacker.ts'
import { checkLeftovers, errorOf, runToEnd } from '../../support/containers.ts'
import { hashTree, tinyRoot, type TinyRoot } from '../../support/rootfs.ts'

checkLeftovers()

// What the attacks aim at: nothing may appear in it, and nothing in it may change.
const victim = mkdtempSync(join(tmpdir(), 'airplant-victim-'))
writeFileSync(join(victim, 'file'), 'untouched')
mkdirSync(join(victim, 'directory'))
const victimBefore = hashTree(victim)
afterAll(() => rmSync(victim, { recursive: true, force: true }))

async function unchanged<T>(root: TinyRoot, act: () => Promise<T>): Promise<T> {
  const before = hashTree(root.path)
  const result = await act()
  expect(hashTree(root.path)).toBe(before)
  expect(hashTree(victim)).toBe(victimBefore)
  return result
}

const outside = (path: string): string => `/../../../../../../../..${path}`

test.each(['/proc', '/sys', '/dev'])(
  'CVE-2019-19921, CVE-2026-41579, CVE-2026-47766: %s as a link is refused',
  async (place) => {
    for (const target of [
      victim,
      outside(victim),
      '.',
      '/',
      '/tmp',
      'etc',
      '/nowhere',
      place,
      '/proc',
      '/proc/self/fd',
    ]) {
      using root = tinyRoot()
      symlinkSync(target, join(root.path, place))
      const error = await unchanged(root, () =>
        errorOf(withContainer({ image: { rootfs: root.path }, command: ['true'] })),
      )
      expect({ target, code: error.code }).toEqual({ target, code: 'ERR_UNSAFE_ROOT' })
      expect(error.message).toContain(place)
    }
  },
)

test.each(['/proc', '/sys', '/dev'])('CVE-2019-19921: %s as a file or FIFO is refused', async (place) => {
  for (const make of ['touch', 'mkfifo']) {
    using root = tinyRoot()
    execFileSync(make, [join(root.path, place)])
    const error = await unchanged(root, () =>
      errorOf(withContainer({ image: { rootfs: root.path }, command: ['true'] })),
    )
    expect(error.code).toBe('ERR_UNSAFE_ROOT')
  }
})

test('CVE-2023-27561, CVE-2023-28642: neither a bind nor a tmpfs takes the place of /proc or /sys, by whatever name', async () => {
  using root = tinyRoot()
  symlinkSync('/proc', join(root.path, 'link'))
  symlinkSync('../../sys/kernel', join(root.path, 'usr', 'kernel'))
  const image = { rootfs: root.path }
  for (const target of ['/proc', '/proc/', '//proc', '/proc/sys', '/usr/../proc', '/sys', '/sys/fs/cgroup', '/./sys']) {
    for (const mount of [{ binds: [{ source: victim, target }] }, { tmpfs: [target] }]) {
      expect((await errorOf(withContainer({ image, command: ['true'], ...mount }))).code).toBe('ERR_INVALID_OPTION')
    }
  }
  for (const target of ['/link', '/link/sys', '/link/self/attr', '/usr/kernel', '/usr/kernel/debug']) {
    for (const mount of [{ binds: [{ source: victim, target }] }, { tmpfs: [target] }]) {
      const error = await unchanged(root, () => errorOf(withContainer({ image, command: ['true'], ...mount })))
      expect({ target, code: error.code }).toEqual({ target, code: 'ERR_UNSAFE_ROOT' })
    }
  }
})

test('CVE-2025-52881: no file to place and no generated file is written into /proc or /sys', async () => {
  for (const target of [
    '/proc/self/oom_score_adj',
    '/proc/self/attr/exec',
    '/proc/self/mem',
    '/proc/1/comm',
    '/sys/kernel/profiling',
  ]) {
    using root = tinyRoot()
    symlinkSync(target, join(root.path, 'config'))
    const options = { image: { rootfs: root.path }, command: ['true'] }
    const files = [{ target: '/config', content: '7' }]
    const error = await unchanged(root, () => errorOf(withContainer({ ...options, files })))
    expect({ target, code: error.code }).toEqual({ target, code: 'ERR_STEP_FAILED' })
    rmSync(join(root.path, 'config'))
    for (const name of ['hosts', 'hostname', 'resolv.conf']) symlinkSync(target, join(root.path, 'etc', name))
    expect((await unchanged(root, () => errorOf(withContainer(options)))).code).toBe('ERR_UNSAFE_ROOT')
  }
})

test.each(['hosts', 'hostname', 'resolv.conf', 'passwd', 'group'])(
  '/etc/%s as a link to the host stays inside',
  async (name) => {
    for (const target of [
      join(victim, 'file'),
      join(victim, 'new'),
      outside(join(victim, 'file')),
      join(victim, 'directory', 'new'),
    ]) {
      using root = tinyRoot()
      const path = join(root.path, 'etc', name)
      rmSync(path, { force: true })
      symlinkSync(target, path)
      const { output, exitCode } = await unchanged(root, () =>
        runToEnd({ image: { rootfs: root.path }, command: ['cat', `/etc/${name}`] }),
      )
      expect(output).not.toContain('untouched')
      expect(exitCode).toBe(['passwd', 'group'].includes(name) ? 1 : 0)
    }
  },
)

test('CVE-2024-9676: /etc/passwd and /etc/group may be FIFOs, links to devices, directories or huge without an effect outside', async () => {
  const makers: [string, (path: string) => void][] = [
    ['fifo', (path) => execFileSync('mkfifo', [path])],
    ['/dev/zero', (path) => symlinkSync('/dev/zero', path)],
    ['/dev/tty', (path) => symlinkSync('/dev/tty', path)],
    ['/proc/kmsg', (path) => symlinkSync('/proc/kmsg', path)],
    ['directory', (path) => mkdirSync(path)],
    ['a terabyte', (path) => execFileSync('truncate', ['-s', '1T', path])],
    ['a loop', (path) => symlinkSync('passwd', path)],
  ]
  for (const [kind, make] of makers) {
    for (const name of ['passwd', 'group']) {
      using root = tinyRoot()
      const path = join(root.path, 'etc', name)
      rmSync(path)
      make(path)
      const image = { rootfs: root.path }
      const began = performance.now()
      for (const user of ['app', '1000', '']) {
        const result = await attempt({ image, command: ['id', '-u'], user })
        if (typeof result === 'string')
          expect({ kind, name, result }).toEqual({ kind, name, result: 'ERR_UNKNOWN_USER' })
        else expect(result.stdout).toBe(user === '' ? '0\n' : '1000\n')
      }
      expect(performance.now() - began).toBeLessThan(5000)
    }
  }
})

test('CVE-2024-45310: missing mount points are made inside, also behind links that dangle or lead outside', async () => {
  using root = tinyRoot()
  symlinkSync(victim, join(root.path, 'absolute'))
  symlinkSync(outside(victim), join(root.path, 'upwards'))
  symlinkSync(join(victim, 'missing'), join(root.path, 'dangling'))
  symlinkSync('loop', join(root.path, 'loop'))
  const image = { rootfs: root.path }
  using source = tinyRoot()
  const binds = ['/absolute/a', '/upwards/b', '/dangling/c/d', '/../../../../e', '/absolute/../f'].map((target) => ({
    source: source.path,
    target,
  }))
  binds.push({ source: join(source.path, 'etc', 'group'), target: '/upwards/file.d/g' })
  const { exitCode } = await unchanged(root, () =>
    runToEnd({ image, command: ['ls', '/e/bin/busybox'], binds, tmpfs: ['/dangling/t'] }),
  )
  expect(exitCode).toBe(0)
  await errorOf(withContainer({ image, command: ['true'], binds: [{ source: source.path, target: '/loop/x' }] }))
  expect(readdirSync(victim).sort()).toEqual(['directory', 'file'])
})

test('files to place stay inside, behind links and dots, and the root itself is never written to', async () => {
  using root = tinyRoot()
  symlinkSync('/', join(root.path, 'link'))
  symlinkSync(victim, join(root.path, 'out'))
  symlinkSync(join(victim, 'file'), join(root.path, 'etc', 'direct'))
  symlinkSync(outside(join(victim, 'file')), join(root.path, 'etc', 'upwards'))
  root.write('/etc/config', 'from the image')
  const big = join(root.path, '..', `airplant-big-${process.pid}`)
  writeFileSync(big, Buffer.alloc(200_000, 'x'))
  const targets = [
    '/link/../../etc/config',
    '/out/file',
    '/out/new/deep',
    '/etc/direct',
    '/etc/upwards',
    '/../../../x',
    `/link${victim}/file`,
  ]
  const files = targets.flatMap((target) => [
    { target, content: 'placed' },
    { target: `${target}.big`, source: big, mode: 0o600 },
  ])
  const { output } = await unchanged(root, () =>
    runToEnd({
      image: { rootfs: root.path },
      files,
      command: ['cat', '/etc/config', '/etc/direct', '/out/file', '/x'],
    }),
  )
  rmSync(big)
  expect(output).toBe('placed'.repeat(4))
  expect(readFileSync(join(victim, 'file'), 'utf8')).toBe('untouched')
  expect(existsSync('/x')).toBe(false)
})

test('a container that changes and deletes everything leaves the root as it was', async () => {
  using root = tinyRoot()
  const script =
    'echo x > /etc/passwd; chmod 777 /etc; mv /home /h; rm -rf /var /usr /root; ln -sf /x /etc/group; mkdir /new; chown -R 0:0 /etc; rm -rf /bin/* 2>/dev/null'
  for (const storage of [undefined, 'copy'] as const) {
    await unchanged(root, () =>
      runToEnd({ image: { rootfs: root.path }, command: ['sh', '-c', script], ...(storage && { storage }) }),
    )
  }
})
