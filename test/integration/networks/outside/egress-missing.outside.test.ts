import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { airplantMain } from '../../../support/cli.ts'
import { checkLeftovers } from '../../../support/containers.ts'
import { compileReacher } from '../../../support/reach.ts'
import type { ScriptResult } from '../../../support/scripts.ts'
import { cannotRunScripts, runScript } from '../../../support/scripts.ts'

// Machines that lack what the way out needs: made of this one, by mounts that only the script's process sees.

checkLeftovers()
const reacher = compileReacher()
const directory = mkdtempSync(join(tmpdir(), 'airplant-missing-'))
const nothing = join(directory, 'nothing')
const plain = join(directory, 'plain')
mkdirSync(nothing)
writeFileSync(plain, '')
afterAll(() => rmSync(directory, { recursive: true }))

interface Result {
  readonly errors: readonly { readonly code: string; readonly message: string; readonly hint: string }[]
  readonly between: string
  readonly host: string
}

/** Wants a way out twice, then does without. */
const script = `
  import { createServer } from 'node:net'
  const { createNetwork, withContainer } = airplant
  const files = [{ target: '/tmp/reach', source: ${JSON.stringify(reacher.program)}, mode: 0o755 }]
  const wanted = process.env.WANTED ?? true
  const network = await createNetwork()
  const errors = []
  for (const _ of [1, 2]) {
    const { code, message, hint } = await withContainer({ network, egress: wanted, command: ['true'] }).catch((error) => error)
    errors.push({ code, message, hint })
  }
  const host = createServer((socket) => socket.end('host')).listen(0, '127.0.0.1')
  await new Promise((resolve) => host.once('listening', resolve))
  const hostAccess = [host.address().port]
  await withContainer({ network, name: 'b', files, command: ['/tmp/reach', 'serve', 'b', '4000'], wait: { log: 'listening' } })
  const a = await withContainer({ network, files, hostAccess, command: ['sleep', '600'] })
  const ask = async (attempt) => (await a.exec(['/tmp/reach', attempt])).stdout.trim().split(' ').at(-1)
  const between = await ask('tcp,b,4000')
  console.log(JSON.stringify({ errors, between, host: await ask('tcp,172.30.0.1,' + hostAccess[0]) }))
  process.exit()`

/** Runs a script where these mounts were made. */
function runWithout(mounts: string, body: string, env: NodeJS.ProcessEnv = {}): Promise<ScriptResult> {
  const namespaces = ['unshare', '--user', '--map-current-user', '--keep-caps', '--mount']
  const prefix = [...namespaces, 'sh', '-c', `${mounts} && exec setpriv --inh-caps=-all "$@"`, 'sh']
  return runScript(body, { prefix, env })
}

async function without(mounts: string, env: NodeJS.ProcessEnv = {}): Promise<Result> {
  const { stdout, stderr } = await runWithout(mounts, script, env)
  try {
    return JSON.parse(stdout) as Result
  } catch {
    throw new Error(`Cannot read what the script wrote: ${stdout}${stderr}`)
  }
}

const programs = '/usr/bin/slirp4netns /usr/bin/pasta /usr/local/bin/slirp4netns /usr/local/bin/pasta'
const hidePrograms = `for name in ${programs}; do [ ! -e $name ] || mount --bind ${plain} $name; done`

test.skipIf(cannotRunScripts).for([
  ['slirp4netns or pasta', undefined, 'slirp4netns and pasta are not installed', 'Install the package slirp4netns'],
  ['the pasta that is asked for', 'pasta', 'pasta is not installed', 'Install the package passt'],
] as const)('without %s the package is named, and all else works', async ([, wanted, why, hint]) => {
  const { errors, ...rest } = await without(hidePrograms, wanted === undefined ? {} : { WANTED: wanted })
  for (const error of errors) expect(error).toMatchObject({ code: 'ERR_EGRESS_UNAVAILABLE', message: expect.stringContaining(why), hint: expect.stringContaining(hint) }) // prettier-ignore
  expect(errors).toHaveLength(2)
  expect(rest).toEqual({ between: 'b', host: 'host' })
})

test.skipIf(cannotRunScripts)('the doctor names the package, and says that containers can start', async () => {
  const doctor = `process.argv.push('airplant', 'doctor'); await import(${JSON.stringify(airplantMain)})`
  const { stdout } = await runWithout(hidePrograms, doctor)
  expect(stdout).toMatch(/✓ A network .*ended with 0/)
  expect(stdout).toMatch(
    /! A way out .*not installed; Hint: Install the package slirp4netns[^]*Containers can start here; /,
  )
})

test.skipIf(cannotRunScripts).for([
  ['is missing', `mount --bind ${nothing} /dev/net`, 'ENOENT', 'modprobe tun'],
  ['is denied', 'mount --bind /etc/shadow /dev/net/tun', 'EACCES', 'chmod 0666 /dev/net/tun'],
  ['is another device', 'mount --bind /dev/null /dev/net/tun', 'ENOTTY', 'modprobe tun'],
] as const)(
  'where /dev/net/tun %s the error says what to do, each time, and all else works',
  async ([, mount, errno, hint]) => {
    const { errors, ...rest } = await without(mount)
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'ERR_EGRESS_UNAVAILABLE' })
      expect(error.message).toContain(`/dev/net/tun cannot be used (${errno})`)
      expect(error.hint).toContain(hint)
    }
    expect(errors).toHaveLength(2)
    expect(rest).toEqual({ between: 'b', host: 'host' })
  },
)
