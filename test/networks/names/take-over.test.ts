import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { link, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NameServer } from '../../../src/networks/names/name-server.ts'
import { NameClient } from './name-client.ts'
import { query, read, zone } from './queries.ts'

const built = pathToFileURL(join(import.meta.dirname, '../../../dist/src/networks/names/name-server.js')).href

let directory: string
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'names-'))))
afterEach(() => rm(directory, { recursive: true, force: true }))

const paths = () => ({ udpPath: join(directory, 'udp.sock'), tcpPath: join(directory, 'tcp.sock') })
const listen = () => NameServer.listen({ ...paths(), view: () => ({ zone, isOutward: true }) })

/** A process of its own that serves, with nothing else that keeps it alive but what is given. */
async function owner(rest = 'setInterval(() => {}, 1000)'): Promise<ChildProcess> {
  const code = `
    import { NameServer } from ${JSON.stringify(built)}
    const zone = { addressesOf: () => ['172.30.0.77'], nameOf: () => undefined, isOwn: () => false }
    const server = await NameServer.listen({ ...${JSON.stringify(paths())}, view: () => ({ zone, isOutward: true }) })
    console.log(server ? 'serves' : 'does not')
    ${rest}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  expect(said.toString()).toBe('serves\n')
  return child
}

test('while somebody serves, nobody else does', async () => {
  await using first = await listen()
  expect(first).toBeDefined()
  expect(await listen()).toBeUndefined()
  expect((await readdir(directory)).sort()).toEqual(['tcp.sock', 'udp.sock'])
  using client = await NameClient.connect(paths().udpPath)
  expect(read(await client.ask(query())).rcode).toBe(0)
})

test('who waits gets it when the owner is killed', async () => {
  const child = await owner()
  expect(await listen()).toBeUndefined()
  let isFree = false
  const free = NameServer.whenFree(paths()).then(() => (isFree = true))
  using client = await NameClient.connect(paths().udpPath)
  expect(read(await client.ask(query())).answers).toEqual(['db A 172.30.0.77'])
  expect(isFree).toBe(false)
  child.kill('SIGKILL')
  await free
  await using next = await listen()
  expect(next).toBeDefined()
  using again = await NameClient.connect(paths().udpPath)
  expect(read(await again.ask(query())).answers).toEqual(['db A 172.30.0.2'])
  expect((await readdir(directory)).sort()).toEqual(['tcp.sock', 'udp.sock'])
})

test('of ten that wait for a killed owner, one after the other gets it', async () => {
  const child = await owner()
  const served: number[] = []
  const takers = Array.from({ length: 10 }, async (_, number) => {
    for (;;) {
      await NameServer.whenFree(paths())
      await using server = await listen()
      if (!server) continue
      using client = await NameClient.connect(paths().tcpPath)
      expect(read(await client.ask(query())).answers).toEqual(['db A 172.30.0.2'])
      served.push(number)
      return
    }
  })
  child.kill('SIGKILL')
  await Promise.all(takers)
  expect(served.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(await readdir(directory)).toEqual([])
})

test('of ten at once on a dead socket exactly one serves, each time', async () => {
  const child = await owner()
  child.kill('SIGKILL')
  await once(child, 'exit')
  const dead = paths()
  for (let time = 0; time < 40; time++) {
    const own = join(directory, String(time))
    await mkdir(own)
    const here = { udpPath: join(own, 'udp.sock'), tcpPath: join(own, 'tcp.sock') }
    await link(dead.udpPath, here.udpPath)
    await link(dead.tcpPath, here.tcpPath)
    const servers = await Promise.all(
      Array.from({ length: 10 }, () => NameServer.listen({ ...here, view: () => ({ zone, isOutward: true }) })),
    )
    expect(servers.filter(Boolean)).toHaveLength(1)
    using client = await NameClient.connect(here.udpPath)
    expect(read(await client.ask(query())).rcode).toBe(0)
    for (const server of servers) await server?.[Symbol.asyncDispose]()
    expect(await readdir(own)).toEqual([])
  }
})

test('a server does not keep Node alive, nor does who waits for it', async () => {
  const child = await owner(`
    void NameServer.whenFree(${JSON.stringify(paths())})
    const { createConnection } = await import('node:net')
    const client = createConnection(${JSON.stringify(paths().udpPath)})
    await new Promise((resolve) => client.once('connect', resolve))
    client.unref()`)
  expect(await once(child, 'exit')).toEqual([0, null])
})

test('waiting for an owner that never goes can be given up', async () => {
  await using _ = await listen()
  const controller = new AbortController()
  const waiting = NameServer.whenFree(paths(), controller.signal)
  controller.abort(new Error('Enough'))
  await expect(waiting).rejects.toThrow('Enough')
  await expect(NameServer.whenFree(paths(), AbortSignal.abort(new Error('Before')))).rejects.toThrow('Before')
})

test('a path that is no socket is replaced, and a directory that is not there is said', async () => {
  await writeFile(paths().tcpPath, 'not a socket')
  await using server = await listen()
  expect(server).toBeDefined()
  const udpPath = join(directory, 'missing', 'udp.sock')
  await expect(
    NameServer.listen({ ...paths(), udpPath, view: () => ({ zone, isOutward: true }) }),
  ).rejects.toMatchObject({ code: 'ERR_FILE_FAILED' })
  await NameServer.whenFree({ udpPath })
})
