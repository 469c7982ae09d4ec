import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import type { CliResult, RunningCli } from '../../support/cli.ts'
import { airplant, noCli, startAirplant } from '../../support/cli.ts'
import { watchLeftovers } from '../../support/leftovers.ts'

const left = watchLeftovers()
const running: RunningCli[] = []
beforeEach(async ({ skip }) => {
  skip(noCli !== undefined, noCli)
  expect(await airplant(['network', 'create', 'web'])).toMatchObject({ code: 0 })
})
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL')
  await Promise.all(running.splice(0).map(({ ended }) => ended))
  await airplant(['network', 'rm', '-f', 'web'])
})
afterAll(() => left.assertNone())

const server = (name: string): string =>
  `require("http").createServer((_, answer) => answer.end("from ${name}")).listen(80, () => console.log("up"))`

/** Starts a container with a server on the network; each is a process of its own, as in a terminal of its own. */
function serve(name: string, ...flags: string[]): RunningCli {
  const started = startAirplant([
    'run',
    '--init',
    '--network',
    'web',
    '--name',
    name,
    ...flags,
    'host',
    '--',
    'node',
    '-e',
    server(name),
  ])
  running.push(started)
  return started
}

/** What one more container on the network gets from another. */
function fetchFrom(name: string, ...flags: string[]): Promise<CliResult> {
  const script = `fetch("http://${name}/").then((answer) => answer.text()).then(console.log)`
  return airplant(['run', '--network', 'web', ...flags, 'host', '--', 'node', '-e', script])
}

const answers = async (result: Promise<CliResult>): Promise<string> => {
  const { stdout, stderr } = await result
  return `${stdout.toString()}${stderr}`.trimEnd()
}

test('containers of several terminals reach each other by name, and outlive the one that came first', async () => {
  const first = serve('a')
  await first.shows('up\n')
  const second = serve('b')
  await second.shows('up\n')
  expect(await answers(fetchFrom('a'))).toBe('from a')
  expect(await answers(fetchFrom('b'))).toBe('from b')
  first.child.kill('SIGKILL')
  await first.ended
  expect(await answers(fetchFrom('b'))).toBe('from b')
  const third = serve('a')
  await third.shows('up\n')
  expect(await answers(fetchFrom('a'))).toBe('from a')
  second.child.kill('SIGTERM')
  expect((await second.ended).code).toBe(143)
  expect(await answers(fetchFrom('a'))).toBe('from a')
})

test('those that start at the same time find each other', async () => {
  const names = ['a', 'b', 'c']
  await Promise.all(names.map((name) => serve(name).shows('up\n')))
  for (const name of names) expect(await answers(fetchFrom(name))).toBe(`from ${name}`)
})

test('a session that was killed with all in it gives way to another, and its names are free', async () => {
  const first = serve('a')
  await first.shows('up\n')
  first.child.kill('SIGKILL')
  await first.ended
  const again = serve('a')
  await again.shows('up\n')
  expect(await answers(fetchFrom('a'))).toBe('from a')
})

test('a container shares the network of another one, and keeps it when that has ended', async () => {
  const first = serve('a')
  await first.shows('up\n')
  const script = 'echo up; read line; ls /sys/class/net; cat /etc/hosts'
  const beside = startAirplant(['run', '-i', '--network', 'container:a', 'host', '--', 'sh', '-c', script])
  running.push(beside)
  await beside.shows('up\n')
  const own = 'fetch("http://127.0.0.1/").then((answer) => answer.text()).then(console.log)'
  expect(await answers(airplant(['run', '--network', 'container:a', 'host', '--', 'node', '-e', own]))).toBe('from a')
  first.child.kill('SIGKILL')
  await first.ended
  beside.child.stdin?.end('\n')
  const { code, stdout } = await beside.ended
  expect(code).toBe(0)
  expect(stdout.toString()).toMatch(/eth0\nlo\n/)
  expect(await airplant(['run', '--network', 'container:a', 'host', 'true'])).toMatchObject({
    ...{ code: 125, stderr: expect.stringContaining('Cannot find container "a"') as string },
  })
})

test('the network is gone with the last of them, and the definition stays', async () => {
  const only = serve('a')
  await only.shows('up\n')
  only.child.kill('SIGKILL')
  await only.ended
  const { stdout } = await airplant(['network', 'ls', '--format', '{{.Name}}', '-f', 'type=custom'])
  expect(stdout.toString()).toBe('web\n')
  const inspected = await airplant(['network', 'inspect', '-f', '{{len .Containers}}', 'web'])
  expect(inspected.stdout.toString()).toBe('0\n')
})
