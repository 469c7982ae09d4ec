import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CliResult, RunningCli } from '../../support/cli.ts'
import { airplant, noCli, startAirplant } from '../../support/cli.ts'
import { watchLeftovers } from '../../support/leftovers.ts'

const left = watchLeftovers()
const running: RunningCli[] = []
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL')
  await Promise.all(running.splice(0).map(({ ended }) => ended))
  await airplant(['network', 'prune', '-f'])
})
afterAll(() => left.assertNone())
beforeEach(({ skip }) => skip(noCli !== undefined, noCli))

const network = (...words: string[]): Promise<CliResult> => airplant(['network', ...words])
const textOf = async (result: Promise<CliResult>): Promise<string> => {
  const { code, stdout, stderr } = await result
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return stdout.toString().trimEnd()
}
const documentOf = async (...words: string[]): Promise<Record<string, never>> =>
  (JSON.parse(await textOf(airplant(['inspect', ...words]))) as Record<string, never>[])[0]!

/** Starts a container that stays. */
async function start(...flags: string[]): Promise<RunningCli> {
  const started = startAirplant(['run', '--init', ...flags, 'host', '--', 'sh', '-c', 'echo up; exec sleep infinity'])
  running.push(started)
  await started.shows('up\n')
  return started
}

const outputOf = (script: string, ...flags: string[]): Promise<string> =>
  textOf(airplant(['run', ...flags, 'host', '--', 'sh', '-c', script]))

describe('definitions', () => {
  test('are made, listed, inspected and removed', async () => {
    const id = await textOf(network('create', '--label', 'team=a', '--subnet', '10.213.7.0/24', 'web'))
    expect(id).toMatch(/^[0-9a-f]{12}$/)
    expect(
      await textOf(network('ls', '--format', '{{.ID}} {{.Name}} {{.Driver}} {{.Labels}}', '-f', 'type=custom')),
    ).toBe(`${id} web bridge team=a`)
    expect((await textOf(network('ls'))).split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['NETWORK ID', 'NAME', 'DRIVER', 'SCOPE'],
      ...['bridge bridge', 'host host', 'none null', 'web bridge'].map((words): string[] => [
        ...[expect.stringMatching(/^[0-9a-f]{12}$/) as string, ...words.split(' '), 'local'],
      ]),
    ])
    expect(await documentOf('--type', 'network', id.slice(0, 6))).toMatchObject({
      ...{ Name: 'web', Id: id, Driver: 'bridge', Internal: false, Labels: { team: 'a' }, Containers: {} },
      IPAM: { Config: expect.arrayContaining([{ Subnet: '10.213.7.0/24', Gateway: '10.213.7.1' }]) as unknown },
    })
    expect(await textOf(network('ls', '-q', '-f', 'name=we', '-f', 'label=team', '-f', 'driver=bridge'))).toBe(id)
    expect(await textOf(network('ls', '-q', '-f', 'label=team=b'))).toBe('')
    expect(await textOf(network('rm', 'web'))).toBe('web')
    expect(await textOf(network('ls', '-q', '-f', 'type=custom'))).toBe('')
  })

  test('that cannot be made are refused with a reason', async () => {
    await textOf(network('create', '--subnet', '10.213.0.0/24', 'web'))
    expect(await network('create', 'web')).toMatchObject({
      ...{ code: 1, stderr: expect.stringContaining('network with name web already exists') as string },
    })
    expect(await network('create', '--subnet', '10.213.0.128/25', 'x')).toMatchObject({
      ...{ code: 1, stderr: expect.stringContaining('that of network "web" has 10.213.0.0/24') as string },
    })
    expect(await network('create', '--subnet', '127.0.0.0/8', 'x')).toMatchObject({
      ...{ code: 125, stderr: expect.stringContaining('127.0.0.0/8 has a meaning of its own') as string },
    })
    for (const name of ['host', 'container', 'a..b', '-'])
      expect((await network('create', '--', name)).code, name).toBe(125)
    expect(await network('create')).toMatchObject({ code: 125 })
    expect(await textOf(network('ls', '-q', '-f', 'type=custom'))).toMatch(/^[0-9a-f]{12}$/)
  })

  test('that are missing or always there are not removed, and the others are all the same', async () => {
    await textOf(network('create', 'one'))
    const { code, stdout, stderr } = await network('rm', 'bridge', 'one', 'nothing')
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 1, stdout: 'one\n' })
    expect(stderr).toContain('bridge is a pre-defined network')
    expect(stderr).toContain('Cannot find network "nothing"')
    expect(await textOf(network('rm', '-f', 'nothing'))).toBe('nothing')
  })

  test('are told from what else lies in their directory', async () => {
    await textOf(network('create', 'web'))
    writeFileSync(join(left.stateDirectory, 'networks', 'bad.json'), '{"name":"bad\u001b[2J"')
    expect(await textOf(network('ls', '-q', '-f', 'type=custom', '-f', 'name=bad'))).toBe('')
    expect(await textOf(network('create', 'bad'))).toMatch(/^[0-9a-f]{12}$/)
  })

  test('whose names and labels would move the cursor show harmlessly', async () => {
    await textOf(network('create', '--label', 'a=\u001b[2Jred', 'web'))
    expect(await textOf(network('ls', '--format', '{{.Labels}}', '-f', 'name=web'))).toBe('a= [2Jred')
    expect((await network('rm', 'x\u001b[2J')).stderr).not.toContain('\u001b')
  })

  test('are pruned when no container is on them', async () => {
    await textOf(network('create', '--label', 'keep', 'one'))
    await textOf(network('create', 'two'))
    await textOf(network('create', 'used'))
    await start('--network', 'used')
    expect(await textOf(network('prune', '-f', '--filter', 'label!=keep'))).toBe('Deleted Networks:\ntwo')
    expect(await textOf(network('prune', '-f'))).toBe('Deleted Networks:\none')
    expect(await textOf(network('prune', '-f'))).toBe('')
    expect(await network('prune')).toMatchObject({ code: 125, stderr: expect.stringContaining('--force') as string })
  })
})

describe('run', () => {
  test('is on a network of its own if nothing else is said', async () => {
    const script = 'ls /sys/class/net; grep -c nameserver /etc/resolv.conf'
    expect((await outputOf(script)).split('\n')).toEqual(['eth0', 'lo', '1'])
    expect((await outputOf('ls /sys/class/net', '--network', 'bridge')).split('\n')).toEqual(['eth0', 'lo'])
    expect(await outputOf('ls /sys/class/net', '--network', 'none')).toBe('lo')
    expect((await outputOf('ls /sys/class/net', '--network', 'host')).split('\n')).toEqual(
      readdirSync('/sys/class/net'),
    )
  })

  test('has a way out by default, and none with --no-egress', async () => {
    const script = 'awk \'$2 == "00000000" && $3 != "00000000" { print $1 }\' /proc/net/route'
    expect(await outputOf(script)).toBe('eth0')
    expect(await outputOf(script, '--no-egress')).toBe('')
    expect(await outputOf(script, '--egress=false')).toBe('')
  })

  test('on an internal network has no way out, and says so only when it was asked for', async () => {
    await textOf(network('create', '--internal', 'inner'))
    expect(await outputOf('ls /sys/class/net', '--network', 'inner')).toContain('eth0')
    expect(await airplant(['run', '--network', 'inner', '--egress', 'host', 'true'])).toMatchObject({
      ...{ code: 125, stderr: expect.stringContaining('network "inner" is internal') as string },
    })
  })

  test('on a network that nobody made says how to make it', async () => {
    await textOf(network('create', 'backend'))
    const { code, stderr } = await airplant(['run', '--network', 'backen', 'host', 'true'])
    expect(code).toBe(125)
    expect(stderr).toContain('Cannot find network "backen"')
    expect(stderr).toContain('Did you mean "backend"? Else make it with: airplant network create backen')
  })

  test('gets the addresses and names that it asks for', async () => {
    await textOf(network('create', '--subnet', '10.213.1.0/24', '--subnet', 'fd00:213:1::/64', 'web'))
    await start('--network', 'name=web,ip=10.213.1.77,ip6=fd00:213:1::77,alias=sql', '--name', 'db')
    const hosts = await outputOf('grep -A9 "network web" /etc/hosts', '--network', 'web')
    expect(hosts).toContain('10.213.1.77\tdb sql')
    expect(hosts).toContain('fd00:213:1::77\tdb sql')
    expect(await airplant(['run', '--network', 'web', '--ip', '10.213.1.77', 'host', 'true'])).toMatchObject({
      ...{ code: 125, stderr: expect.stringContaining('Cannot give the address 10.213.1.77') as string },
    })
    expect(await airplant(['run', '--network', 'web', '--name', 'db', 'host', 'true'])).toMatchObject({
      ...{ code: 125, stderr: expect.stringContaining('Cannot name a container "db"') as string },
    })
  })

  test('writes what it is told into hosts and resolv.conf', async () => {
    const flags = ['--add-host', 'a.test:192.0.2.1', '--add-host', 'a.test=[2001:db8::1]', '--hostname', 'me']
    const resolver = ['--dns', '192.0.2.53', '--dns-search', 'x.test', '--dns-option', 'ndots:2']
    const text = await outputOf('cat /etc/hosts /etc/resolv.conf; hostname', ...flags, ...resolver)
    expect(text).toContain('192.0.2.1\ta.test\n2001:db8::1\ta.test\n')
    expect(text).toContain('nameserver 192.0.2.53\nsearch x.test\noptions ndots:2\n')
    expect(text.endsWith('me')).toBe(true)
  })
})

describe('a running container', () => {
  test('is connected and disconnected from another terminal', async () => {
    await textOf(network('create', '--subnet', '10.213.2.0/24', 'front'))
    await textOf(network('create', '--subnet', '10.213.3.0/24', 'back'))
    await start('--network', 'front', '--name', 'app')
    const neighbour = startAirplant([
      ...['run', '--init', '--network', 'back', 'host', '--', 'sh', '-c'],
      'echo up; until grep -w web /etc/hosts; do sleep 0.05; done; while grep -qw web /etc/hosts; do sleep 0.05; done; echo gone',
    ])
    running.push(neighbour)
    await neighbour.shows('up\n')
    await textOf(network('connect', '--alias', 'web', '--ip', '10.213.3.9', 'back', 'app'))
    await neighbour.shows('10.213.3.9')
    expect(await documentOf('app')).toMatchObject({
      NetworkSettings: {
        IPAddress: '10.213.2.2',
        Networks: {
          front: { IPAddress: '10.213.2.2', IPPrefixLen: 24 },
          back: { IPAddress: '10.213.3.9', Aliases: ['web'] },
        },
      },
    })
    expect(Object.values((await documentOf('--type', 'network', 'back'))['Containers']!)).toContainEqual(
      expect.objectContaining({ Name: 'app', IPv4Address: '10.213.3.9/24' }),
    )
    expect(await network('connect', 'back', 'app')).toMatchObject({
      ...{ code: 125, stderr: expect.stringContaining('it is on it') as string },
    })
    await textOf(network('disconnect', 'back', 'app'))
    await neighbour.shows('gone')
    expect(await network('disconnect', 'back', 'app')).toMatchObject({ code: 1 })
    await textOf(network('disconnect', 'front', 'app'))
    expect((await documentOf('app'))['NetworkSettings']).toMatchObject({ IPAddress: '', Networks: {} })
  })

  test('keeps its network from being removed, unless by force', async () => {
    await textOf(network('create', 'web'))
    await start('--network', 'web', '--name', 'app')
    expect(await network('rm', 'web')).toMatchObject({
      ...{ code: 1, stderr: expect.stringContaining('these containers are on it: app') as string },
    })
    expect(await textOf(network('rm', '-f', 'web'))).toBe('web')
    expect((await documentOf('app'))['NetworkSettings']).toMatchObject({ Networks: {} })
    expect(await textOf(network('ls', '-q', '-f', 'type=custom'))).toBe('')
  })

  test('of a session of its own cannot come to a defined network, and is told why', async () => {
    await textOf(network('create', 'web'))
    await start('--name', 'alone')
    expect(await network('connect', 'web', 'alone')).toMatchObject({
      ...{ code: 1, stderr: expect.stringContaining('Start it with --network web') as string },
    })
    expect(await network('connect', 'host', 'alone')).toMatchObject({ code: 125 })
    expect(await network('connect', 'web', 'nobody')).toMatchObject({ code: 1 })
  })
})
