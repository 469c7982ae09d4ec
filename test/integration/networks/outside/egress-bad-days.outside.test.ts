import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createNetwork, withContainer } from '../../../../src/index.ts'
import type { Container, Network } from '../../../../src/index.ts'
import { readEgress } from '../../../../src/networks/egress/egress-record.ts'
import { defaultSession } from '../../../../src/rootless/default-session.ts'
import { checkLeftovers } from '../../../support/containers.ts'
import { forwardersOf } from '../../../support/forwarders.ts'
import { closeAll } from '../../../support/listeners.ts'
import { missingProgram, outside } from '../../../support/outside.ts'
import { serveNames } from '../../../support/outside-names.ts'
import { serveOutside } from '../../../support/outside-servers.ts'
import { compileReacher, reach, SERVED } from '../../../support/reach.ts'

checkLeftovers()
const reacher = compileReacher()
const missing = missingProgram('slirp4netns')
const built = new URL('../../../../dist/src/index.js', import.meta.url).href
const directory = mkdtempSync(join(tmpdir(), 'airplant-programs-'))
const owned: AsyncDisposable[] = []
const warnings: string[] = []
const note = (warning: Error): void => void warnings.push(warning.message)
process.on('warning', note)

beforeAll(async () => {
  owned.push(await serveNames(), await serveOutside())
})
afterAll(async () => {
  process.off('warning', note)
  await closeAll(owned)
  rmSync(directory, { recursive: true })
})

const outward = `tcp,${outside.ipv4},${outside.ports.echo}`
const outward6 = `udp,${outside.ipv6},${outside.ports.echo}`
const isOut = async (container: Container): Promise<boolean> =>
  Object.values(await reach(container, [outward, outward6])).every((word) => word === 'hello')

async function slirps(): Promise<number[]> {
  return forwardersOf(await defaultSession(), 'slirp4netns')
}

/** Kills the one that runs, when a new one does: what is left of the start of one that was killed before is none. Gives its handle. */
async function kill({ paths }: Network, before = 0): Promise<number> {
  let [pids, handle]: [number[], number] = [[], before]
  const look = async (): Promise<boolean> => {
    ;[pids, handle] = [await slirps(), readEgress(paths.egress)?.handle ?? before]
    return handle !== before && pids.length === 1
  }
  await expect.poll(look, { timeout: 5000 }).toBe(true)
  process.kill(pids[0]!, 'SIGKILL')
  return handle
}

test.skipIf(missing)('a killed slirp4netns is started again, and nothing else takes notice', async () => {
  await using network = await createNetwork()
  await using server = await reacher.serve('server', { network, name: 'server', ports: [SERVED] })
  const echo = `exec python3 -u -c 'import socketserver as s
class H(s.BaseRequestHandler):
  def handle(self):
    while (data := self.request.recv(100)): self.request.sendall(data)
s.ThreadingTCPServer(("", 4001), H).serve_forever()'`
  await using mirror = await withContainer({ image: 'host', network, name: 'mirror', command: ['sh', '-c', echo], ports: [4001], wait: { port: 4001 } }) // prettier-ignore
  await using app = await reacher.serve('app', { network, egress: true })
  const published = connect(mirror.port(4001), '127.0.0.1')
  await using inner = await app.execStream([
    'python3',
    '-u',
    '-c',
    `import socket, sys
s = socket.create_connection(("mirror", 4001))
for line in sys.stdin: s.sendall(line.encode()); print(s.recv(100).decode(), end="")`,
  ])
  const says = async (word: string): Promise<string[]> => {
    published.write(word)
    inner.stdin.write(`${word}\n`)
    return (await Promise.all([once(published, 'data'), once(inner.stdout, 'data')])).map(([chunk]) =>
      String(chunk).trim(),
    )
  }
  expect(await says('before')).toEqual(['before', 'before'])
  expect(await isOut(app)).toBe(true)
  const [before] = await slirps()
  await kill(network)
  await expect.poll(slirps).toEqual([expect.not.toBeOneOf([before])])
  expect(await says('after')).toEqual(['after', 'after'])
  await expect.poll(() => isOut(app)).toBe(true)
  expect((await reach(app, [`tcp,server,${SERVED}`]))[`tcp,server,${SERVED}`]).toBe('server')
  expect(warnings.splice(0)).toEqual([
    `slirp4netns, which connects network "${network.name}" to other machines, ended (SIGKILL). It is started again; connections through it were cut`,
  ])
  published.destroy()
})

test.skipIf(missing)('one that is killed again and again is given up, until the next container wants it', async () => {
  await using network = await createNetwork()
  await using app = await reacher.serve('app', { network, egress: true })
  for (let times = 0, handle = 0; times < 5; times++) handle = await kill(network, handle)
  await expect.poll(() => warnings.length).toBe(5)
  expect(warnings.splice(0).map((text) => text.includes('again and again'))).toEqual([false, false, false, false, true])
  expect(await slirps()).toEqual([])
  expect(await isOut(app)).toBe(false)
  await using next = await reacher.serve('next', { network, egress: true })
  expect([await isOut(next), await isOut(app)]).toEqual([true, true])
  expect(await slirps()).toHaveLength(1)
})

test.skipIf(missing)(
  'a network that is removed takes its program along, also one that is being started again',
  async () => {
    const network = await createNetwork()
    await using app = await reacher.serve('app', { network, egress: true })
    expect(await slirps()).toHaveLength(1)
    await network[Symbol.asyncDispose]()
    expect(await slirps()).toEqual([])
    const other = await createNetwork()
    await using late = await reacher.serve('late', { network: other, egress: true })
    await kill(other)
    await other[Symbol.asyncDispose]()
    await expect.poll(slirps).toEqual([])
    expect([app, late].map(({ networks }) => networks.length)).toEqual([0, 0])
    warnings.splice(0)
  },
)

test('a program that hangs delays containers that need it a moment, and nobody else', async () => {
  using _ = insteadOfSlirp('exec sleep 1000')
  await using network = await createNetwork()
  const began = performance.now()
  const took = async (egress: boolean): Promise<number> => {
    await using container = await reacher.serve('any', { network, egress })
    expect(container.networks).toHaveLength(1)
    return performance.now() - began
  }
  const [shut, open] = await Promise.all([took(false), took(true)])
  // The sleep of 1000 s is far away; the machine may be busy.
  expect(Math.max(shut, open)).toBeLessThan(5000)
  expect(forwardersOf(await defaultSession(), 'sleep')).toHaveLength(1)
  await network[Symbol.asyncDispose]()
  expect(forwardersOf(await defaultSession(), 'sleep')).toEqual([])
})

test('a program that ends is quoted', async () => {
  using _ = insteadOfSlirp('echo "WARNING: usual" >&2; echo "no luck today" >&2; exit 3')
  await using network = await createNetwork()
  await using app = await reacher.serve('app', { network, egress: true })
  await expect.poll(() => warnings).not.toEqual([])
  expect(warnings[0]).toContain('ended (exit code 3): no luck today. It is started again')
  expect(await isOut(app)).toBe(false)
  await network[Symbol.asyncDispose]()
  warnings.splice(0)
})

test.skipIf(missing)(
  'who joins a session uses its way out, and looks after it when the first process is gone',
  async () => {
    const session = await defaultSession()
    await using network = await createNetwork({ name: 'shared' })
    const child = spawnFirst(session.directory)
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    expect(String(line)).toBe('out\n')
    const [program] = await slirps()
    await using app = await reacher.serve('app', { network, egress: true })
    expect(await isOut(app)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await isOut(app)).toBe(true)
    expect(await slirps()).toEqual([program])
    await kill(network)
    await expect.poll(slirps).toEqual([])
    await using next = await reacher.serve('next', { network, egress: true })
    expect([await isOut(next), await isOut(app)]).toEqual([true, true])
    expect(readEgress(network.paths.egress)?.pid).toBe(process.pid)
    await kill(network)
    await expect.poll(() => warnings.splice(0)).toHaveLength(1)
    await expect.poll(() => isOut(app)).toBe(true)
  },
)

/** A program of that name comes first in PATH. */
function insteadOfSlirp(script: string): Disposable {
  const path = process.env['PATH']
  const name = join(directory, 'slirp4netns')
  writeFileSync(name, `#!/bin/sh\n${script}\n`)
  chmodSync(name, 0o755)
  process.env['PATH'] = `${directory}:${path}`
  return { [Symbol.dispose]: () => void (process.env['PATH'] = path) }
}

/** A process that joins the session and opens the way out of the network "shared". */
function spawnFirst(session: string): ChildProcessByStdio<null, Readable, null> {
  const script = `
    const { Session, withContainer } = await import(${JSON.stringify(built)})
    const session = await Session.attach(${JSON.stringify(session)})
    await withContainer({ session, network: 'shared', egress: true, command: ['sleep', '600'] })
    console.log('out')
    setInterval(() => {}, 1000)`
  return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
}
