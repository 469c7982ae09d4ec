import { execFileSync } from 'node:child_process'
import { chownSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Session, withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf, outputOf, shell } from '../../support/containers.ts'
import { tinyRoot, type TinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const secret = mkdtempSync('/root/airplant-secret-')
let session: Session
let root: TinyRoot

beforeAll(async () => {
  session = await Session.start()
  root = tinyRoot()
  writeFileSync(join(secret, 'file'), 'only for root', { mode: 0o600 })
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  root[Symbol.dispose]()
  rmSync(secret, { recursive: true })
})

function ownRange(): number {
  return session.mapping.rootUid
}

test('container root is never real root, but the first ID of a range', async () => {
  expect(ownRange()).toBeGreaterThanOrEqual(100_000)
  for (const { outside } of [...session.mapping.uids, ...session.mapping.gids]) expect(outside).toBeGreaterThan(0)
  await withContainer({ session, command: ['sleep', '60'] }, async (container) => {
    const status = readFileSync(`/proc/${container.pid}/status`, 'utf8')
    expect(status).toMatch(new RegExp(`^Uid:\\t${ownRange()}\\t`, 'm'))
    expect(await shell(container, 'id -u; tr -s " " < /proc/self/uid_map')).toMatch(
      new RegExp(`^0\n ?0 ${ownRange()} `),
    )
  })
})

test('the keeper and its directory belong to that range', () => {
  expect(lstatSync(session.directory).uid).toBe(ownRange())
  expect(lstatSync(session.directory).mode & 0o777).toBe(0o700)
  expect(readFileSync(`/proc/${session.keeperPid}/status`, 'utf8')).toMatch(new RegExp(`^Uid:\\t${ownRange()}\\t`, 'm'))
})

test('without AIRPLANT_STATE_DIR state is kept below /var/lib', async () => {
  const { AIRPLANT_STATE_DIR: _, ...env } = process.env
  await using own = await Session.start({ env })
  expect(own.stateDirectory).toBe('/var/lib/airplant')
  expect(statSync('/var/lib/airplant').uid).toBe(0)
  await withContainer({ session: own, command: ['true'] }, async (container) => {
    expect(await container.wait()).toMatchObject({ exitCode: 0 })
  })
})

test("the host image works, and real root's secrets cannot be read", async () => {
  const script =
    'cat /etc/hostname > /dev/null && echo works; cat /etc/shadow 2>&1; ls -A /root; cat /proc/1/environ | wc -c'
  expect(await outputOf(script)).toMatch(/^works\ncat: \/etc\/shadow: Permission denied\n/)
})

test('other users and their files work', async () => {
  expect(await outputOf('touch /tmp/x; chown 1000:44 /tmp/x; stat -c %u:%g /tmp/x')).toBe('1000:44')
  expect(await outputOf('id -u; touch /tmp/x; stat -c %u /tmp/x', { user: '65534' })).toBe('65534\n65534')
})

test('a directory that only real root can reach can be bound', async () => {
  const open = join(secret, 'open')
  mkdirSync(open)
  writeFileSync(join(open, 'all'), 'for all', { mode: 0o644 })
  writeFileSync(join(open, 'one'), 'for one', { mode: 0o600 })
  const binds = [{ source: open, target: '/tmp/open', readOnly: true }]
  // Reaching it is for real root to give; who may read what is in it stays as it is.
  expect(await outputOf('ls /tmp/open; cat /tmp/open/all; cat /tmp/open/one 2>&1', { binds })).toMatch(
    /^all\none\nfor allcat: .*Permission denied$/,
  )
  const file = [{ source: join(open, 'all'), target: '/tmp/one' }]
  expect(await outputOf('cat /tmp/one', { binds: file })).toBe('for all')
})

test('a file that only real root can read can be placed', async () => {
  writeFileSync(join(secret, 'large'), Buffer.alloc(200_000, 'x'), { mode: 0o600 })
  const files = [
    { target: '/tmp/small', source: join(secret, 'file') },
    { target: '/tmp/large', source: join(secret, 'large') },
  ]
  expect(await outputOf('cat /tmp/small; echo; wc -c < /tmp/large', { files })).toBe('only for root\n200000')
})

test('the working directory may be one that only real root can reach', async () => {
  const before = process.cwd()
  const project = join(secret, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'file'), 'project')
  process.chdir(project)
  try {
    expect(await outputOf('pwd; cat file')).toBe(`${project}\nproject`)
  } finally {
    process.chdir(before)
  }
})

test('a root of real root is refused with a file, its owner and what to do', async () => {
  const error = await errorOf(withContainer({ image: { rootfs: root.path }, command: ['true'] }))
  expect(error).toMatchObject({ code: 'ERR_UNMAPPED_OWNER', phase: 'create', image: root.path })
  expect(error.message).toContain('(0:0)')
  expect(error.hint).toContain(`${ownRange()}`)
})

test('a root of the range works, and one file of another owner is named', async () => {
  using own = tinyRoot()
  execFileSync('chown', ['-Rh', `${ownRange()}:${session.mapping.rootGid}`, own.path])
  const image = { rootfs: own.path }
  expect(await outputOf('id -u; touch /x; stat -c %u /x /bin/sh', { image })).toBe('0\n0\n0')
  chownSync(join(own.path, 'etc/group'), 12_345, 54_321)
  await using fresh = await Session.start()
  const error = await errorOf(withContainer({ session: fresh, image, command: ['true'] }))
  expect(error.code).toBe('ERR_UNMAPPED_OWNER')
  expect(error.message).toContain(`"${own.path}/etc/group" (12345:54321)`)
})
