import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { removeByKeeper, renameByKeeper } from '../../../src/rootless/host-files.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'
import { Session } from '../../../src/rootless/session.ts'
import { giveTo } from '../../support/give-to.ts'
import { errorOf, isSingleId } from '../../support/containers.ts'
import { watchLeftovers } from '../../support/leftovers.ts'

const left = watchLeftovers()
const base = mkdtempSync(join(tmpdir(), 'airplant-host-files-'))
let session: Session
let directory: string
let count = 0

beforeAll(async () => {
  session = await Session.start()
  giveTo(session, base)
})
beforeEach(async () => {
  directory = join(base, `${count++}`)
  await session.client.spawn({ kind: 'helper', plan: new Plan().hostMkdir(directory, 0o755) })
})
afterAll(async () => {
  await removeByKeeper(session, base)
  await session[Symbol.asyncDispose]()
  expect(existsSync(base)).toBe(false)
  rmSync(base, { recursive: true, force: true })
  await left.assertNone()
})

/** Runs a Perl script as root of the keeper's namespace, in the directory of this test. */
async function asRoot(script: string): Promise<void> {
  const argv = ['/usr/bin/perl', '-e', `chdir shift or die; ${script}`, directory]
  const helper = await session.client.spawn({ kind: 'helper', attached: true, plan: new Plan().hostExec(argv, []) })
  const { exitCode, output } = await helper.collect()
  expect([exitCode, output.toString()]).toEqual([0, ''])
}

const owner = isSingleId ? 0 : 1234

test('a tree of 3,000 levels that belongs to a subordinate ID, without any rights, is deleted', async () => {
  await asRoot(`
    mkdir 'tree' or die; chdir 'tree'; my @ids = (${owner}, ${owner});
    for (1..3000) {
      mkdir 'd' or die; open my $f, '>', 'f' or die; close $f; chown @ids, 'f', 'd'; chdir 'd' or die;
    }
    for (1..3000) { chmod 0, '.'; chdir '..' or die }`)
  await removeByKeeper(session, join(directory, 'tree'))
  expect(existsSync(join(directory, 'tree'))).toBe(false)
})

test('deleting follows no links, and a path without anything is no error', async () => {
  await asRoot(`
    mkdir 'kept'; open my $f, '>', 'kept/file'; mkdir 'tree'; symlink '../kept', 'tree/link'; symlink 'kept', 'alias';`)
  await removeByKeeper(session, join(directory, 'tree'))
  await removeByKeeper(session, join(directory, 'alias'))
  expect(existsSync(join(directory, 'kept', 'file'))).toBe(true)
  await removeByKeeper(session, join(directory, 'tree'))
  await removeByKeeper(session, join(directory, 'no', 'such', 'directory'))
})

test('deleting stops at a mount', async () => {
  const mount = `mkdir 'tree'; mkdir 'tree/mount'; open my $f, '>', 'tree/file';`
  await asRoot(mount)
  const argv = ['/bin/mount', '-t', 'tmpfs', 'tmpfs', join(directory, 'tree', 'mount')]
  const mounting = await session.client.spawn({ kind: 'helper', plan: new Plan().hostExec(argv, []) })
  expect((await mounting.wait()).exitCode).toBe(0)
  const error = await errorOf(removeByKeeper(session, join(directory, 'tree')))
  expect(error).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'EBUSY', step: 'hostRemove' })
  expect(error.hint).toContain('Unmount')
  await session.client.spawn({ kind: 'helper', plan: new Plan().unmount(join(directory, 'tree', 'mount')) })
  await removeByKeeper(session, join(directory, 'tree'))
})

test.each(['relative', '/tmp/', '/tmp/.', '/tmp/..', '/'])('"%s" is no path to delete', async (path) => {
  expect(await errorOf(removeByKeeper(session, path))).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'EINVAL' })
})

test.each([false, true])(
  'a directory of a subordinate ID without write permission is renamed (sync: %s)',
  async (sync) => {
    await asRoot(`
    mkdir 'from'; mkdir 'to'; mkdir 'from/layer'; open my $f, '>', 'from/layer/file'; print $f 'text'; close $f;
    chown ${owner}, ${owner}, 'from/layer'; chmod 0555, 'from/layer';`)
    await renameByKeeper(session, join(directory, 'from', 'layer'), join(directory, 'to', 'layer'), { sync })
    expect(readFileSync(join(directory, 'to', 'layer', 'file'), 'utf8')).toBe('text')
    expect(lstatSync(join(directory, 'to', 'layer')).mode & 0o777).toBe(0o555)
    expect(existsSync(join(directory, 'from', 'layer'))).toBe(false)
  },
)

test('a rename replaces nothing, not even an empty directory or a dangling link', async () => {
  await asRoot(`mkdir 'a'; mkdir 'b'; symlink 'nowhere', 'c';`)
  for (const name of ['b', 'c']) {
    const error = await errorOf(renameByKeeper(session, join(directory, 'a'), join(directory, name)))
    expect(error).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'EEXIST' })
  }
  expect(existsSync(join(directory, 'a'))).toBe(true)
})

test('a rename says what is missing', async () => {
  const missing = join(directory, 'missing')
  const error = await errorOf(renameByKeeper(session, missing, join(directory, 'b')))
  expect(error).toMatchObject({ code: 'ERR_PATH_MISSING', phase: 'store' })
  expect(error.message).toContain(`Cannot rename "${missing}"`)
})

test('what the caller made itself is renamed and deleted as well', async ({ skip }) => {
  skip(process.getuid?.() === 0, 'the files of real root are not mapped')
  const own = mkdtempSync(join(tmpdir(), 'airplant-own-'))
  mkdirSync(join(own, 'a'))
  writeFileSync(join(own, 'a', 'file'), '')
  symlinkSync('/etc', join(own, 'a', 'etc'))
  await renameByKeeper(session, join(own, 'a'), join(own, 'b'))
  await removeByKeeper(session, own)
  expect(existsSync(own)).toBe(false)
  expect(existsSync('/etc/passwd')).toBe(true)
})
