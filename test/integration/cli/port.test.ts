import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CliResult, RunningCli } from '../../support/cli.ts'
import { airplant, noCli, startAirplant } from '../../support/cli.ts'
import { watchLeftovers } from '../../support/leftovers.ts'

const left = watchLeftovers()
const running: RunningCli[] = []
const servers: Server[] = []
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL')
  await Promise.all(running.splice(0).map(({ ended }) => ended))
  for (const server of servers.splice(0)) server.close()
})
afterAll(() => left.assertNone())
beforeEach(({ skip }) => skip(noCli !== undefined, noCli))

async function start(...flags: string[]): Promise<RunningCli> {
  const started = startAirplant(['run', '--init', ...flags, 'host', '--', 'sh', '-c', 'echo up; exec sleep infinity'])
  running.push(started)
  await started.shows('up\n')
  return started
}

const linesOf = async (result: Promise<CliResult>): Promise<string[]> => {
  const { code, stdout, stderr } = await result
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.toString().split('\n').slice(0, -1)
}

/** Listens on the first of so many ports in a row that nobody has. */
async function takeFirstOf(count: number): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    if (port + count <= 65_535 && (await areFree(port + 1, count - 1))) return port
  }
}

async function areFree(first: number, count: number): Promise<boolean> {
  for (let port = first; port < first + count; port++) {
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (!isFree) return false
  }
  return true
}

describe('airplant port', () => {
  test("lists a container's ports, or where one is", async () => {
    await start('--name', 'web', '-p', '80', '-p', '127.0.0.1::53/udp')
    const lines = await linesOf(airplant(['port', 'web']))
    expect(lines).toEqual([
      ...[/^53\/udp -> 127\.0\.0\.1:\d+$/, /^80\/tcp -> 127\.0\.0\.1:\d+$/].map(
        (form) => expect.stringMatching(form) as string,
      ),
      ...(lines.length > 2 ? [lines[1]!.replace('127.0.0.1', '[::1]')] : []),
    ])
    expect(await linesOf(airplant(['port', 'web', '53/udp']))).toEqual([lines[0]!.slice('53/udp -> '.length)])
    expect((await linesOf(airplant(['port', 'web', '80'])))[0]).toBe(lines[1]!.slice('80/tcp -> '.length))
    expect(await airplant(['port', 'web', '81'])).toMatchObject({
      ...{ code: 1, stderr: expect.stringContaining('port 81/tcp of container "web": it is not published') as string },
    })
    expect(await airplant(['port', 'web', 'http'])).toMatchObject({ code: 125 })
    expect(await airplant(['port', 'nobody'])).toMatchObject({ code: 1 })
    const [, host] = /:(\d+)$/.exec(lines[1]!)!
    const { stdout } = await airplant(['inspect', '-f', '{{json .NetworkSettings.Ports}}', 'web'])
    expect(JSON.parse(stdout.toString())).toMatchObject({
      '80/tcp': expect.arrayContaining([{ HostIp: '127.0.0.1', HostPort: host }]) as unknown,
      '53/udp': [{ HostIp: '127.0.0.1' }],
    })
  })

  test('lists nothing for a container without any', async () => {
    await start('--name', 'web')
    expect(await linesOf(airplant(['port', 'web']))).toEqual([])
  })
})

describe('a range of host ports', () => {
  test('is tried in order, and named when it has no more', async () => {
    const first = await takeFirstOf(3)
    const range = `127.0.0.1:${first}-${first + 2}:80`
    const one = await start('--name', 'one', '-p', range)
    expect(await one.shows(' -> 80')).toContain(`127.0.0.1:${first + 1} -> 80\n`)
    await start('--name', 'two', '-p', range)
    expect(await linesOf(airplant(['port', 'two']))).toEqual([`80/tcp -> 127.0.0.1:${first + 2}`])
    const { code, stderr } = await airplant(['run', '-p', range, 'host', 'true'])
    expect(code).toBe(125)
    expect(stderr).toContain(`Cannot publish 80/tcp on 127.0.0.1: all ports from ${first} to ${first + 2} are in use`)
  })

  test('goes by pairs with one of the container of the same size', async () => {
    const first = await takeFirstOf(3)
    await start('--name', 'web', '-p', `127.0.0.1:${first + 1}-${first + 2}:8000-8001`)
    expect(await linesOf(airplant(['port', 'web']))).toEqual([
      `8000/tcp -> 127.0.0.1:${first + 1}`,
      `8001/tcp -> 127.0.0.1:${first + 2}`,
    ])
  })

  test('is not tried again for a port without one', async () => {
    const first = await takeFirstOf(1)
    const { code, stderr } = await airplant(['run', '-p', `127.0.0.1:${first}:80`, 'host', 'true'])
    expect({ code, stderr }).toMatchObject({
      code: 125,
      stderr: expect.stringContaining(`127.0.0.1:${first}`) as string,
    })
  })
})

test('-P with --expose publishes those ports', async () => {
  const started = await start('--name', 'web', '-P', '--expose', '8000', '--expose', '53/udp')
  const said = await started.shows('-> 53/udp')
  expect(said).toMatch(/127\.0\.0\.1:\d+ -> 8000\n/)
  expect((await linesOf(airplant(['port', 'web'])))[0]).toMatch(/^53\/udp -> 127/)
})
