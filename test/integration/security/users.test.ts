import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { withContainer } from '../../../src/index.ts'
import { attack, attempt, compileAttacker, verdicts } from '../../support/attacker.ts'
import { checkLeftovers, errorOf, isSingleId, runToEnd, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const attacker = compileAttacker()

// The eleven of docs: CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT SETFCAP.
const eleven = [0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31].reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n)
const hex = (mask: bigint): string => mask.toString(16).padStart(16, '0')

function capabilities(status: string): Record<string, string> {
  return Object.fromEntries(
    [...status.matchAll(/^Cap(\w+):\s*(\w+)$/gm)].map(([, name = '', mask = '']) => [name, mask]),
  )
}

const badUsers = [
  '1:',
  ':',
  ':1',
  'a:b:c',
  '-1',
  '+1',
  '4294967295',
  '4294967296',
  '99999999999',
  '0x0',
  '01',
  '00',
  '1 ',
  ' 1',
  '1.0',
  '1e3',
  'root ',
  'root\n',
  'a b',
  '0:',
  '0:-1',
  '0:4294967296',
  '0:00',
  '１',
]

test.each(badUsers)('CVE-2026-30892, CVE-2024-40635: user %j is refused, for run and exec', async (user) => {
  expect((await errorOf(withContainer({ command: ['true'], user }))).code).toBe('ERR_INVALID_OPTION')
  await using container = await withContainer({ command: ['sleep', '60'] })
  expect((await errorOf(container.exec(['id'], { user }))).code).toBe('ERR_INVALID_OPTION')
})

test.each(['2147483648', '4294967294', 'a:b', 'no-such-user', 'root:no-such-group', '0:2147483648'])(
  'CVE-2024-40635: user %j is an error and never root',
  async (user) => {
    using root = tinyRoot()
    for (const image of ['host', { rootfs: root.path }] as const) {
      // A single-ID container can be given any number; what it must not be is root.
      const outcome = await attempt({ image, command: ['id'], user })
      if (typeof outcome === 'string') expect(outcome).toBe('ERR_UNKNOWN_USER')
      else {
        expect(isSingleId).toBe(true)
        expect(outcome.output).toContain(user.startsWith('0:') ? `gid=${user.slice(2)}` : `uid=${user}`)
      }
      await using container = await withContainer({ image, command: ['sleep', '60'] })
      expect((await errorOf(container.exec(['id'], { user }))).code).toBe('ERR_UNKNOWN_USER')
    }
  },
)

test('an empty user is the root of the container, on run and exec', async () => {
  await using container = await withContainer({ command: ['sleep', '60'], user: '' })
  expect(await shell(container, 'id -u')).toBe('0')
  expect((await container.exec(['id', '-u'], { user: '' })).stdout).toBe('0\n')
})

test('malformed and overflowing lines of /etc/passwd make nobody root', async (context) => {
  if (isSingleId) context.skip('a single ID is mapped: users are resolved before the container exists')
  using root = tinyRoot()
  const lines = [
    'minus:x:-1:-1::/:',
    'over:x:4294967296:0::/:',
    'wrap:x:18446744073709551616:0::/:',
    'last:x:4294967295:0::/:',
  ]
  lines.push(
    'hex:x:0x0:0::/:',
    'blank:x: 0:0::/:',
    'none:x:::/:',
    'short:x',
    'word:x:zero:0::/:',
    'group:x:5:4294967296::/:',
    'plus:x:+0:0::/:',
  )
  lines.push(
    `long:x:${'0'.repeat(5000)}:0::/:`,
    ':x:0:0::/:',
    `deep:x:1:1::${'/x'.repeat(5000)}:/bin/sh`,
    'nul\0:x:0:0::/:',
    '+:x:0:0::/:',
  )
  root.write('/etc/passwd', `${lines.join('\n')}\napp:x:1000:1001::/home/app:/bin/sh`)
  const image = { rootfs: root.path }
  for (const line of lines) {
    const user = line.slice(0, line.indexOf(':'))
    const outcome = await attempt({ image, command: ['id', '-u'], user })
    const expected = ['ERR_UNKNOWN_USER', 'ERR_INVALID_OPTION']
    if (typeof outcome === 'string') expect(expected).toContain(outcome)
    else expect({ user, uid: outcome.stdout }).toEqual({ user, uid: user === 'deep' ? '1\n' : '0\n' })
    if (typeof outcome !== 'string' && user !== 'deep') expect(user).toBe('')
  }
  expect((await runToEnd({ image, command: ['id', '-u'], user: 'app' })).stdout).toBe('1000\n')
})

test('CVE-2022-2989, CVE-2022-2990: supplementary groups are the root’s, primary first, and never the host’s', async (context) => {
  if (isSingleId) context.skip('a single ID is mapped: setgroups is denied')
  using root = tinyRoot()
  const image = { rootfs: root.path }
  const groups = 'grep ^Groups: /proc/self/status | cut -d: -f2'
  const run = async (user: string, extra: readonly string[] = []): Promise<string[]> => {
    const { stdout } = await runToEnd({ image, user, groups: extra, command: ['sh', '-c', `id -g; ${groups}`] })
    return stdout.split(/\s+/).filter(Boolean)
  }
  expect(await run('')).toEqual(['0', '0'])
  expect(await run('app')).toEqual(['1001', '50', '1001'])
  expect(await run('1000')).toEqual(['1001', '50', '1001'])
  expect(await run('app:video')).toEqual(['44', '44'])
  expect(await run('1234')).toEqual(['0', '0'])
  expect(await run('app', ['video'])).toEqual(['1001', '44', '50', '1001'])
  await using container = await withContainer({ image, command: ['sleep', '60'], groups: ['video'] })
  expect((await container.exec(['sh', '-c', groups], { user: 'app' })).stdout.trim()).toBe('50 1001')
  expect((await container.exec(['sh', '-c', groups], { user: '1234:1234' })).stdout.trim()).toBe('1234')
})

test('CVE-2022-29162: capabilities are the eleven, inheritable and ambient none, in run, init and exec', async () => {
  const expected = { Inh: hex(0n), Prm: hex(eleven), Eff: hex(eleven), Bnd: hex(eleven), Amb: hex(0n) }
  for (const init of [false, true]) {
    await using container = await withContainer({ command: ['sleep', '60'], init })
    const pids = init ? [1, 2] : [1]
    for (const pid of pids) expect(capabilities(await shell(container, `cat /proc/${pid}/status`))).toEqual(expected)
    expect(capabilities(await shell(container, 'cat /proc/self/status'))).toEqual(expected)
    expect(await shell(container, 'grep NoNewPrivs /proc/self/status /proc/1/status')).toMatch(
      /(NoNewPrivs:\s1\s*.*){2}/s,
    )
  }
})

test('a user that is not root has no capability, in run, init and exec', async (context) => {
  if (isSingleId) context.skip('a single ID is mapped: its capabilities are told apart in another test')
  const expected = { Inh: hex(0n), Prm: hex(0n), Eff: hex(0n), Bnd: hex(eleven), Amb: hex(0n) }
  for (const init of [false, true]) {
    await using container = await withContainer({ command: ['sleep', '60'], init, user: '1000:1000' })
    expect(capabilities(await shell(container, 'cat /proc/1/status'))).toEqual(expected)
    expect(capabilities(await shell(container, 'cat /proc/self/status'))).toEqual(expected)
    expect(capabilities((await container.exec(['cat', '/proc/self/status'], { user: '1' })).stdout)).toEqual(expected)
  }
})

test('dropped capabilities are gone from every set, and files cannot bring them back', async () => {
  await using container = await withContainer({ command: ['sleep', '60'], capabilities: { drop: ['ALL'] } })
  const none = { Inh: hex(0n), Prm: hex(0n), Eff: hex(0n), Bnd: hex(0n), Amb: hex(0n) }
  expect(capabilities(await shell(container, 'cat /proc/1/status'))).toEqual(none)
  expect(capabilities(await shell(container, 'cat /proc/self/status'))).toEqual(none)
})

test('device nodes cannot be made, nor root be regained', async (context) => {
  if (isSingleId) context.skip('a single ID is mapped: there is no other user')
  await using container = await withContainer({ command: ['sleep', '60'], files: attacker.files })
  expect(verdicts(await attack(container, ['privilege']))).toMatchObject({ mknod: 'EPERM', block: 'EPERM' })
  expect(await attack(container, ['privilege'], '1000:1000')).toEqual([
    'mknod EPERM',
    'block EPERM',
    'setuid EPERM',
    'setgid EPERM',
    '1000 1000',
  ])
  await using granted = await withContainer({
    command: ['sleep', '60'],
    files: attacker.files,
    capabilities: { add: ['MKNOD'] },
  })
  expect(verdicts(await attack(granted, ['privilege']))).toMatchObject({ mknod: 'EPERM', block: 'EPERM' })
})

test('CVE-2020-5291: nothing of the package is set-uid', () => {
  const root = new URL('../../..', import.meta.url).pathname
  expect(execFileSync('find', ['src', 'dist', 'package.json', '-perm', '/6000'], { cwd: root }).toString()).toBe('')
})
