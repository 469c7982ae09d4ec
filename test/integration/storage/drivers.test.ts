import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { StorageDriver } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { ContainerRuntime } from '../../../src/containers/runtime.ts'
import { checkLeftovers, errorOf, isSingleId, outputOf, runToEnd, shell } from '../../support/containers.ts'
import { hashTree, tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
afterAll(() => root[Symbol.dispose]())
for (const name of ['a', 'b', 'c']) root.write(`/data/deep/er/${name}`, name)
root.write('/data/list', 'list')
root.write('/data/strange name,with:colons', 'strange')
symlinkSync('deep/er/a', join(root.path, 'data/link'))
mkdirSync(join(root.path, 'data/empty'))
writeFileSync(join(root.path, 'data/.hidden'), 'hidden')

const fuse = hasFuse() ? undefined : 'fuse-overlayfs or /dev/fuse is missing'

function hasFuse(): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v fuse-overlayfs && test -w /dev/fuse'])
    return true
  } catch {
    return false
  }
}

const drivers: StorageDriver[] = ['overlay', 'fuse-overlayfs', 'copy']
const image = { rootfs: root.path }

describe.each(drivers)('the storage driver %s', (storage) => {
  const options = { image, storage }
  const skipped = storage === 'fuse-overlayfs' && fuse !== undefined

  test('writes, deletes, renames and changes modes like a disk', async ({ skip }) => {
    if (skipped) skip(fuse)
    const hash = hashTree(root.path)
    const script = `set -e; cd /data
      echo more >> list; cat list
      rm deep/er/b; ls deep/er | tr '\\n' ' '; mv deep moved; ls moved/er | tr '\\n' ' '; test ! -e deep
      mkdir deep; ls -A deep | wc -l; rm -r moved; mkdir moved; ls -A moved | wc -l
      rm link; ln -s list link; cat link; rm .hidden; rmdir empty; ls -A
      chmod 700 list; stat -c %a list; ln list hard; stat -c %h list; mkfifo pipe 2> /dev/null || mknod pipe p
      cat 'strange name,with:colons'; echo; touch -d '2001-02-03 04:05:06' list; stat -c %Y list; sync`
    const { output, exitCode } = await runToEnd({ ...options, command: ['sh', '-c', script], env: { TZ: 'UTC' } })
    expect(output).toBe(
      `listmore\na c a c 0\n0\nlistmore\ndeep\nlink\nlist\nmoved\nstrange name,with:colons\n700\n2\nstrange\n981173106\n`,
    )
    expect(exitCode).toBe(0)
    expect(await outputOf('cat /data/deep/er/a /data/deep/er/b /data/list /data/link', options)).toBe('ablista')
    expect(hashTree(root.path)).toBe(hash)
  })

  test.skipIf(isSingleId || skipped)('gives files to other users', async () => {
    const hash = hashTree(root.path)
    const script = `chown 1000:44 /data/list; chown -R app /data/deep; stat -c '%u:%g' /data/list /data/deep/er/a
      echo x > /data/new; chown 65534:65534 /data/new; stat -c '%u:%g' /data/new`
    expect(await outputOf(script, options)).toBe('1000:44\n1000:0\n65534:65534')
    expect(hashTree(root.path)).toBe(hash)
  })

  test('makes no difference to two containers at once', async ({ skip }) => {
    if (skipped) skip(fuse)
    await withContainer({ ...options, command: ['sleep', '60'] }, async (one) => {
      await withContainer({ ...options, command: ['sleep', '60'] }, async (two) => {
        await shell(one, 'echo one > /data/list; rm -r /data/deep')
        expect(await shell(two, 'cat /data/list; ls /data/deep/er | wc -l')).toBe('list3')
        expect(await shell(one, 'cat /data/list; ls /data')).not.toContain('deep')
      })
    })
  })

  test('works with a read-only root, files, binds and a tmpfs', async ({ skip }) => {
    if (skipped) skip(fuse)
    const files = [{ target: '/made/for/it', content: 'placed' }]
    const more = { readOnly: true, files, tmpfs: ['/data/memory'], binds: [{ source: root.path, target: '/other' }] }
    const script = 'cat /made/for/it; touch /data/memory/x; ls /other/data/deep/er | wc -l; touch /x 2>&1'
    expect(await outputOf(script, { ...options, ...more })).toMatch(/^placed3\n.*Read-only/)
  })

  test('runs programs from what was written, and maps files', async ({ skip }) => {
    if (skipped) skip(fuse)
    const script =
      'cp /bin/busybox /data/busybox; /data/busybox echo copied; printf "#!/bin/sh\\necho script\\n" > /s; chmod +x /s; /s'
    expect(await outputOf(script, options)).toBe('copied\nscript')
  })

  test('leaves nothing on disk when its container is removed', async ({ skip }) => {
    if (skipped) skip(fuse)
    await using session = await Session.start()
    const container = await withContainer({ ...options, session, command: ['sleep', '60'] })
    const used = `find ${session.directory}/containers -maxdepth 1 -name '${container.id}*' | wc -l`
    expect(Number(execFileSync('sh', ['-c', used]).toString())).toBeGreaterThan(0)
    await container[Symbol.asyncDispose]()
    await expect.poll(() => Number(execFileSync('sh', ['-c', used]).toString()), { timeout: 5000 }).toBe(0)
    expect(session.client.live.processes).toBe(0)
  })

  test('names what is missing in the root just the same', async ({ skip }) => {
    if (skipped) skip(fuse)
    const error = await errorOf(withContainer({ ...options, command: ['no-such-program'] }))
    expect(error.code).toBe('ERR_COMMAND_NOT_FOUND')
  })
})

test('the default is the first that works, with its reason', async () => {
  await using session = await Session.start()
  const { driver, reason } = await ContainerRuntime.of(session, process.env).driver(undefined)
  expect(drivers).toContain(driver)
  expect(reason).toBe(driver === 'overlay' ? 'a test mount worked' : reason)
  await withContainer({ session, image, command: ['sh', '-c', `grep ' / ' /proc/mounts`] }, async (container) => {
    await container.wait()
    const { output } = await container.logs()
    if (driver === 'overlay') expect(output).toMatch(/ \/ overlay .*upperdir=/)
  })
})

test('one that cannot work is refused with the reason', async () => {
  await using session = await Session.start()
  const path = process.env['PATH']
  process.env['PATH'] = '/nowhere'
  try {
    const error = await errorOf(withContainer({ session, image, storage: 'fuse-overlayfs', command: ['true'] }))
    expect(error).toMatchObject({ code: 'ERR_STORAGE_DRIVER', phase: 'create' })
    expect(error.message).toContain('not installed')
    expect(error.hint).toBeTruthy()
  } finally {
    process.env['PATH'] = path
  }
})

test('on the host image every driver runs, and only overlay lets the working directory be written', async () => {
  for (const storage of drivers) {
    if (storage === 'fuse-overlayfs' && fuse !== undefined) continue
    const output = await outputOf('touch airplant-probe 2>&1 && echo written; test -e package.json && echo there', {
      storage,
    })
    expect(output).toMatch(storage === 'overlay' ? /written\nthere/ : /Read-only[^]*there/)
  }
})
