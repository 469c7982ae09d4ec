import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CliResult, RunningCli } from '../../support/cli.ts'
import { airplant, noCli, startAirplant } from '../../support/cli.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { noTerminal, onTerminal } from '../../support/on-terminal.ts'

const left = watchLeftovers()
const running: RunningCli[] = []
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL')
  await Promise.all(running.splice(0).map(({ ended }) => ended))
})
afterAll(() => left.assertNone())
beforeEach(({ skip }) => skip(noCli !== undefined, noCli))

/** A container of a process of its own. */
async function start(script: string, ...flags: string[]): Promise<RunningCli> {
  const started = startAirplant(['run', '--network', 'none', ...flags, 'host', '--', 'sh', '-c', script])
  running.push(started)
  await started.shows('up\n')
  return started
}

const idle = 'echo up; trap "exit 3" TERM; while :; do sleep 0.05; done'

async function outputOf(result: Promise<CliResult>): Promise<string> {
  const { code, stdout, stderr } = await result
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.toString()
}

describe('airplant exec', () => {
  test('runs a command where another process started a container, with its streams and exit code', async () => {
    await start(idle, '--name', 'box', '-e', 'FROM=run', '-w', '/etc')
    const script = 'cat; pwd; echo $FROM $A; echo err >&2; exit 7'
    const args = ['exec', '-i', '-e', 'A=1', '-w', '/usr', 'box', 'sh', '-c', script]
    expect(await airplant(args, { input: 'in\n' })).toEqual({
      ...{ code: 7, stdout: Buffer.from('in\n/usr\nrun 1\n'), stderr: 'err\n' },
    })
    expect(await outputOf(airplant(['exec', 'box', '--', 'sh', '-c', 'cat; pwd'], { input: 'unread' }))).toBe('/etc\n')
    expect(await outputOf(airplant(['container', 'exec', '-u', '0:0', 'box', 'id', '-u']))).toBe('0\n')
    expect((await airplant(['exec', 'box', 'sh', '-c', 'kill -9 $$'])).code).toBe(137)
    expect(await airplant(['exec', 'box', 'no-such-program'])).toMatchObject({ code: 127 })
    expect(await airplant(['exec', 'box', '/etc/passwd'])).toMatchObject({ code: 126 })
    expect(await airplant(['exec', 'none-such', 'true'])).toMatchObject({ code: 1 })
    expect(await airplant(['exec', '-d', 'box', 'true'])).toMatchObject({
      ...{ code: 125, stderr: expect.stringContaining('there is no daemon') as string },
    })
    expect(await airplant(['exec', 'box'])).toMatchObject({ code: 125 })
  })

  test('passes signals on, and ends with this process', async () => {
    await start(idle, '--name', 'box')
    const command = 'trap "echo caught; exit 5" TERM; echo ready; while :; do sleep 0.05; done'
    const caught = startAirplant(['exec', 'box', 'sh', '-c', command])
    await caught.shows('ready')
    caught.child.kill('SIGTERM')
    expect(await caught.ended).toMatchObject({ code: 5, stdout: Buffer.from('ready\ncaught\n') })
    const killed = startAirplant(['exec', 'box', 'sh', '-c', 'echo ready; exec sleep 1234'])
    await killed.shows('ready')
    killed.child.kill('SIGKILL')
    await killed.ended
    await expect.poll(async () => (await airplant(['exec', 'box', 'pgrep', '-f', '^sleep 1234'])).code).toBe(1)
  })

  test('-it is a terminal of the same size, and follows it', async ({ skip }) => {
    skip(noTerminal !== undefined, noTerminal)
    await start(idle, '--name', 'box')
    const script =
      'stty size; trap "stty size; exit 5" WINCH; read line; echo "got $line"; while :; do sleep 0.05; done'
    const shown = await onTerminal(
      ['exec', '-it', 'box', 'sh', '-c', script],
      [
        ...[{ expect: '30 100' }, { send: 'word\r' }, { expect: 'got word' }],
        ...[{ resize: [44, 132] as [number, number] }, { expect: '44 132' }],
      ],
    )
    expect(shown).toContain('got word\n44 132\n\nexit 5\nterminal restored')
    expect(shown).not.toContain('never came')
  })
})

test('airplant ps lists the containers of all processes, and who started them', async () => {
  await start(idle, '--name', 'one', '-l', 'airplant.test=a.test.ts > works', '-p', '127.0.0.1::80')
  await start('echo up; exec sleep 1000', '--name', 'two', '-l', 'a=b')
  expect(await outputOf(airplant(['pause', 'two']))).toBe('two\n')
  const lines = (await outputOf(airplant(['ps']))).split('\n')
  expect(lines[0]).toMatch(/^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES +TEST$/)
  expect(lines[1]).toMatch(
    /^[0-9a-f]{12} +host +"sh -c echo up; exec…" +(\d+ seconds?|Less than a second) ago +Up (\d+ seconds?|Less than a second) \(Paused\) +two$/,
  )
  expect(lines[2]).toMatch(/ +127\.0\.0\.1:\d+->80\/tcp +one +a\.test\.ts > works$/)
  expect(lines).toHaveLength(4)
  const format = ['--no-trunc', '--format', '{{.Names}} {{.State}} {{.Command}}']
  expect(await outputOf(airplant(['container', 'ls', ...format]))).toBe(
    `two paused "sh -c echo up; exec sleep 1000"\none running "sh -c ${idle}"\n`,
  )
  expect(await outputOf(airplant(['ps', '-q', '-f', 'label=a=b']))).toBe(`${lines[1]!.slice(0, 12)}\n`)
  expect(await outputOf(airplant(['ps', '-q', '-f', 'status=exited']))).toBe('')
  expect(await outputOf(airplant(['unpause', 'two']))).toBe('two\n')
  expect(await outputOf(airplant(['ps', '-f', 'name=two', '--format', '{{.State}}']))).toBe('running\n')
  expect(await airplant(['ps', '-f', 'size=1'])).toMatchObject({ code: 125 })
})

describe('airplant logs', () => {
  // Two pipes have no order but by time.
  const script = 'echo one; sleep 0.1; echo two >&2; sleep 0.1; printf thr; sleep 0.1; echo ee; echo up; '

  test('gives both streams apart, and the last lines, with times', async () => {
    await start(`${script} sleep 1000`, '--name', 'box')
    expect(await airplant(['logs', 'box'])).toEqual({
      ...{ code: 0, stdout: Buffer.from('one\nthree\nup\n'), stderr: 'two\n' },
    })
    expect(await outputOf(airplant(['logs', '--tail', '2', 'box']))).toBe('three\nup\n')
    expect(await outputOf(airplant(['logs', '-n', '0', 'box']))).toBe('')
    const timed = await outputOf(airplant(['logs', '-t', '-n', '2', 'box']))
    expect(timed).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z three\n\d{4}-\d\d-\d\dT[\d:.]+Z up\n$/)
    const [, time = ''] = /\n(\S+) up/.exec(timed)!
    expect(await outputOf(airplant(['logs', '--since', time, 'box']))).toMatch(/up\n$/)
    expect(await outputOf(airplant(['logs', '--until', '1h', 'box']))).toBe('')
    expect(await airplant(['logs', '--tail', 'some', 'box'])).toMatchObject({ code: 125 })
  })

  test('-f goes on until it ends', async () => {
    const box = await start(`${script} read line; echo "got $line"`, '--name', 'box', '-i')
    const [all, last] = [startAirplant(['logs', '-f', 'box']), startAirplant(['logs', '-f', '--tail', '1', 'box'])]
    await Promise.all([all.shows('up'), last.shows('up')])
    box.child.stdin?.end('it\n')
    expect(await all.ended).toEqual({
      ...{ code: 0, stdout: Buffer.from('one\nthree\nup\ngot it\n'), stderr: 'two\n' },
    })
    expect((await last.ended).stdout.toString()).toBe('up\ngot it\n')
  })

  test('says when the beginning is missing', async () => {
    await start('seq 100000; echo up; sleep 1000', '--name', 'box', '--log-limit', '64k')
    const { stdout, stderr } = await airplant(['logs', 'box'])
    expect(stdout.toString()).toMatch(/99999\n100000\nup\n$/)
    expect(stderr).toMatch(/^airplant: \d{6} bytes are missing here/)
  })
})

describe('from another terminal', () => {
  test('stop sends the stop signal, kill the one that is named, and wait has the exit code', async () => {
    const one = await start(idle, '--name', 'one')
    const waiting = startAirplant(['wait', 'one'])
    expect(await airplant(['rm', 'one'])).toMatchObject({ code: 1 })
    expect(await outputOf(airplant(['stop', 'one']))).toBe('one\n')
    expect((await one.ended).code).toBe(3)
    expect(await outputOf(waiting.ended)).toBe('3\n')
    const two = await start('echo up; trap "exit 4" USR1; while :; do sleep 0.05; done', '--name', 'two')
    expect(await outputOf(airplant(['kill', '-s', 'USR1', 'two']))).toBe('two\n')
    expect((await two.ended).code).toBe(4)
  })

  test('rm -f removes what runs, and what is missing is no error', async () => {
    const one = await start(idle, '--name', 'one')
    expect(await outputOf(airplant(['rm', '-f', 'one', 'none-such']))).toBe('one\n')
    expect((await one.ended).code).toBe(137)
    expect(await airplant(['rm', 'none-such'])).toMatchObject({ code: 1 })
  })
})
