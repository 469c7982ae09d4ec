import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { checkLeftovers } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'
import { cannotRunScripts, runScript } from '../../support/scripts.ts'

checkLeftovers()
const root = tinyRoot()
const small = mkdtempSync(join(tmpdir(), 'airplant-small-'))
afterAll(() => {
  root[Symbol.dispose]()
  rmSync(small, { recursive: true })
})

/** A state directory of 4 MB, which an ordinary user can only mount in namespaces of its own: one ID is mapped there. */
const prefix = ['unshare', '-Urm', 'sh', '-c', `mount -t tmpfs -o size=4m none ${small} && exec "$@"`, 'sh']
const env = { AIRPLANT_STATE_DIR: small, AIRPLANT_IDS: 'single', NODE_NO_WARNINGS: '1' }

function unsupported(): string | undefined {
  try {
    execFileSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'none', small], { stdio: 'ignore' })
    return cannotRunScripts
  } catch {
    return 'user namespaces may not be made here'
  }
}
const reason = unsupported()

test.for(['overlay', 'copy'])(
  'a full disk under %s is seen by the program, and told at the next start',
  async (storage, { skip }) => {
    if (reason) skip(reason)
    const tiny = `${root.path}/tiny`
    execFileSync('sh', [
      '-c',
      `mkdir -p ${tiny}/bin && cp ${root.path}/bin/busybox ${tiny}/bin/sh && ln -f ${tiny}/bin/sh ${tiny}/bin/dd && ln -f ${tiny}/bin/sh ${tiny}/bin/sleep && ln -f ${tiny}/bin/sh ${tiny}/bin/echo`,
    ])
    const { stdout, stderr, code } = await runScript(
      `
    const { withContainer } = airplant
    const options = { image: { rootfs: ${JSON.stringify(tiny)} }, storage: ${JSON.stringify(storage)} }
    const command = ['sh', '-c', 'dd if=/dev/zero of=/big bs=1024 count=10000; echo ended $?; sleep 60']
    const full = await withContainer({ ...options, command })
    for await (const entry of full.logs({ follow: true })) if (String(entry.data).includes('ended')) break
    console.log((await full.logs()).output)
    // What the session's own start removes behind our back makes a little room again, sooner or later.
    let error
    for (let round = 0; error === undefined && round < 50; round++) {
      await full.exec(['dd', 'if=/dev/zero', 'of=/more' + round, 'bs=1024', 'count=10000'])
      const starting = withContainer({ ...options, command: ['echo', 'no'] })
      error = await starting.then((started) => started[Symbol.asyncDispose](), (reason) => reason)
    }
    console.log(error.code, error.phase, Boolean(error.hint))
    const { stdout } = await full.exec(['echo', 'still running'])
    console.log(stdout)
    await full[Symbol.asyncDispose]()
    for (let round = 0; ; round++) {
      const again = await withContainer({ ...options, command: ['sh', '-c', 'echo again'] }).catch((reason) => reason)
      if (again.code === 'ERR_DISK_FULL' && round < 100) { await new Promise((done) => setTimeout(done, 20)); continue }
      if (again instanceof Error) throw again
      await again.wait()
      console.log((await again.logs()).output)
      await again[Symbol.asyncDispose]()
      break
    }`,
      { prefix, env },
    )
    expect(stderr).toBe('')
    expect(stdout).toMatch(/No space left on device[^]*ended 1\n/)
    expect(stdout).toContain('ERR_DISK_FULL')
    expect(stdout).toMatch(/true\nstill running\n\nagain\n/)
    expect(code).toBe(0)
    rmSync(tiny, { recursive: true })
  },
)

test.for([2, 4])('a full disk with %d inodes when the session starts is told', async (inodes, { skip }) => {
  if (reason) skip(reason)
  const mount = `mount -t tmpfs -o size=4m,nr_inodes=${inodes} none ${small}`
  const fill = ['unshare', '-Urm', 'sh', '-c', `${mount}; cat /dev/zero > ${small}/x 2> /dev/null; exec "$@"`, 'sh']
  const { stdout } = await runScript(
    `const error = await airplant.withContainer({ command: ['true'] }).catch((reason) => reason)
     console.log(error.code, error.phase, error.hint)`,
    { prefix: fill, env },
  )
  expect(stdout).toMatch(/^ERR_DISK_FULL session .+/)
})
