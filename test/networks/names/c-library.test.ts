import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NameServer } from '../../../src/networks/names/name-server.ts'
import { zone } from './queries.ts'
import { answered, startResolver, type TestResolver } from './test-resolver.ts'

const run = promisify(execFile)
const relay = join(import.meta.dirname, 'relay.py')
const inside = ['--user', '--map-root-user', '--net', '--mount']

/** A namespace of our own with a resolv.conf of its own, and a program that asks as all programs do. */
function missing(): string | undefined {
  const tried = spawnSync('unshare', [
    ...inside,
    'sh',
    '-c',
    'mount --bind /etc/hosts /etc/resolv.conf && python3 -c "" && command -v getent ip',
  ])
  return tried.status === 0
    ? undefined
    : `not here: unshare, mount --bind, python3, ip or getent (${String(tried.stderr).trim()})`
}

const reason = missing()
const named =
  reason === undefined ? 'the resolver of the C library' : `the resolver of the C library (skipped, ${reason})`

describe.skipIf(reason !== undefined)(named, () => {
  let directory: string
  let server: NameServer | undefined
  let resolver: TestResolver
  const path = (name: string): string => join(directory, name)

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'names-'))
    await writeFile(path('resolv.conf'), 'nameserver 127.0.0.1\n')
    resolver = await startResolver(
      (message) => [answered(message)],
      (message) => [answered(message)],
    )
    server = await NameServer.listen({
      udpPath: path('udp.sock'),
      tcpPath: path('tcp.sock'),
      zone,
      resolvers: [resolver.address],
      resolverPort: resolver.port,
    })
  })

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]()
    await resolver[Symbol.asyncDispose]()
    await rm(directory, { recursive: true, force: true })
  })

  /** Runs a program whose DNS server is ours, and gives its exit code and what it said. */
  async function ask(program: string): Promise<{ code: number; said: string }> {
    const script = `mount --bind ${path('resolv.conf')} /etc/resolv.conf && exec python3 ${relay} ${path('udp.sock')} ${path('tcp.sock')} sh -c '${program}'`
    try {
      const { stdout } = await run('unshare', [...inside, 'sh', '-c', script])
      return { code: 0, said: stdout.replace(/ +/g, ' ').trim() }
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
      return { code, said: stdout + stderr }
    }
  }

  test.each([
    ['getent ahostsv4 db', '172.30.0.2 STREAM db'],
    ['getent ahostsv6 db', 'fd00::2 STREAM db'],
    ['getent hosts v6', 'fd00::6 v6'],
    ['getent hosts host.airplant.internal', '172.30.0.1 host.airplant.internal'],
    ['getent hosts 172.30.0.2', '172.30.0.2 db'],
    ['getent hosts fd00::2', 'fd00::2 db'],
    ['getent ahostsv4 www.example.org', '192.0.2.1 STREAM www.example.org'],
  ])('%s finds what it should', async (program, said) => {
    const answer = await ask(program)
    expect(answer.said.split('\n')[0]).toBe(said)
    expect(answer.code).toBe(0)
  })

  test('200 addresses come over TCP', async () => {
    const { said } = await ask('getent ahostsv4 web')
    expect(new Set(said.match(/^172\.30\.0\.\d+/gm)).size).toBe(200)
  })

  test.each(['nobody', 'other.airplant.internal', '172.30.0.77'])('%s is not found, at once', async (name) => {
    const before = performance.now()
    expect((await ask(`getent hosts ${name}`)).code).toBe(2)
    expect(performance.now() - before).toBeLessThan(2000)
  })

  test('where nothing is forwarded, other names fail at once and for good', async () => {
    await using closed = await NameServer.listen({ udpPath: path('udp2.sock'), tcpPath: path('tcp2.sock'), zone })
    expect(closed).toBeDefined()
    const before = performance.now()
    const program = 'import socket; socket.getaddrinfo("www.example.org", 80)'
    const script = `mount --bind ${path('resolv.conf')} /etc/resolv.conf && exec python3 ${relay} ${path('udp2.sock')} ${path('tcp2.sock')} python3 -c '${program}'`
    await expect(run('unshare', [...inside, 'sh', '-c', script])).rejects.toThrow('Name or service not known')
    expect(performance.now() - before).toBeLessThan(2000)
  })
})
