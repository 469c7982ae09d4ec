import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { airplant, noCli, startAirplant } from '../../support/cli.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

const left = watchLeftovers()
const directory = mkdtempSync(join(tmpdir(), 'airplant-cli-'))
afterAll(async () => {
  rmSync(directory, { recursive: true })
  await left.assertNone()
})
beforeEach(({ skip }) => skip(noCli !== undefined, noCli))

const shell = (script: string, ...flags: string[]) => airplant(['run', ...flags, 'host', '--', 'sh', '-c', script])

describe('exit codes', () => {
  test('are those of the command, or 128 and the signal', async () => {
    expect(await airplant(['run', 'host', '--', 'true'])).toMatchObject({ code: 0, stderr: '' })
    expect((await shell('exit 7')).code).toBe(7)
    expect((await shell('kill -KILL $$', '--init')).code).toBe(137)
  })

  test('say what was wrong before: 127 not found, 126 not executable, 125 airplant', async () => {
    writeFileSync(join(directory, 'script'), '#!/no/such/interpreter\n', { mode: 0o755 })
    expect(await airplant(['run', 'host', 'no-such-program'])).toMatchObject({ code: 127 })
    expect(await airplant(['run', 'host', '/etc/passwd'])).toMatchObject({ code: 126 })
    expect(await airplant(['run', '-v', `${directory}:/tmp/s`, 'host', '/tmp/s/script'])).toMatchObject({ code: 126 })
    const unknown = await airplant(['run', '--nonsense', 'host', 'true'])
    expect(unknown).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/^airplant: Unknown flag --nonsense\nHint: /),
    })
    expect(unknown.stderr).not.toContain('    at ')
    const debug = await airplant(['run', '--nonsense', 'host', 'true'], { env: { AIRPLANT_DEBUG: '1' } })
    expect(debug.stderr).toContain('    at ')
  })
})

describe('output and input', () => {
  test('stdout and stderr stay apart', async () => {
    const result = await shell('echo out; echo err >&2')
    expect(result).toMatchObject({ code: 0, stderr: 'err\n' })
    expect(result.stdout.toString()).toBe('out\n')
  })

  test('10 MB of any bytes come back through cat', async () => {
    const input = randomBytes(10_000_000)
    const { code, stdout } = await airplant(['run', '-i', 'host', 'cat'], { input })
    expect(code).toBe(0)
    expect(stdout.equals(input)).toBe(true)
  })

  test('without -i the input is empty, with it nobody has to read it', async () => {
    const { stdout } = await airplant(['run', 'host', 'wc', '-c'], { input: 'ignored' })
    expect(stdout.toString().trim()).toBe('0')
    expect((await airplant(['run', '-i', 'host', 'true'], { input: Buffer.alloc(1_000_000) })).code).toBe(0)
    // A terminal or pipe that stays open does not hold it back.
    expect((await startAirplant(['run', '-i', 'host', 'true']).ended).code).toBe(0)
  })

  test('a reader that goes away ends the command as a pipe would', async () => {
    const { child, ended, shows } = startAirplant(['run', 'host', 'yes'])
    await shows('y\n')
    child.stdout?.destroy()
    expect(await ended).toMatchObject({ code: 141, stderr: '' })
  })

  test('a slow reader gets all of it', async () => {
    const { child, ended } = startAirplant(['run', 'host', '--', 'head', '-c', '5000000', '/dev/zero'])
    child.stdout?.pause()
    setTimeout(() => child.stdout?.resume(), 500)
    const { code, stdout } = await ended
    expect(code).toBe(0)
    expect(stdout.length).toBe(5_000_000)
  })
})

describe('flags', () => {
  test('set environment, user, directory, host name', async () => {
    const flags = ['-e', 'A=1', '-e', 'PASSED', '-e', 'UNSET_ONE', '-w', '/tmp', '-h', 'name', '--entrypoint', 'sh']
    const script = 'echo $A,$PASSED,${UNSET_ONE-none},$(pwd),$(hostname),${NODE_ENV-none}'
    const env = { PASSED: 'from here', NODE_ENV: 'secret' }
    const { stdout, stderr } = await airplant(['run', ...flags, 'host', '-c', script], { env })
    expect(stderr).toBe('')
    expect(stdout.toString()).toBe('1,from here,none,/tmp,name,none\n')
  })

  test('a volume of a relative path is read and written, unless read-only', async () => {
    writeFileSync(join(directory, 'file'), 'text')
    const writing = await airplant(
      ['run', '-v', '.:/tmp/data', 'host', '--', 'sh', '-c', 'cat /tmp/data/file; echo new > /tmp/data/new'],
      {
        cwd: directory,
      },
    )
    expect(writing.stdout.toString()).toBe('text')
    expect(readFileSync(join(directory, 'new'), 'utf8')).toBe('new\n')
    expect((await shell('echo x > /tmp/data/new', '-v', `${directory}:/tmp/data:ro`)).code).not.toBe(0)
    const nowhere = await shell('true', '-v', `${directory}:/nowhere`)
    expect(nowhere).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('Cannot mount on "/nowhere": it is not there'),
    })
    const missing = await shell('true', '-v', `${directory}/gone:/tmp/data`)
    expect(missing).toMatchObject({ code: 125, stderr: expect.stringContaining('gone') })
  })

  test('a root directory of its own', async () => {
    using root = tinyRoot()
    const result = await airplant(['run', '--rootfs', root.path, '--', 'sh', '-c', 'echo hi > /new; cat /new'])
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(() => readFileSync(join(root.path, 'new'))).toThrow('ENOENT')
  })

  test('a published port is printed when it was not given, and leads to the server', async () => {
    const server = `require('http').createServer((_, r) => r.end('hello')).listen(3000, () => console.log('ready'))`
    const running = startAirplant(['run', '--init', '-p', '0:3000', 'host', 'node', '-e', server])
    await running.shows('ready')
    const shown = await running.shows('-> 3000\n')
    const answer = await fetch(`http://${/127\.0\.0\.1:\d+/.exec(shown)?.[0]}`)
    expect(await answer.text()).toBe('hello')
    running.child.kill('SIGTERM')
    const { stderr } = await running.ended
    expect(stderr).toMatch(/^127\.0\.0\.1:\d+ -> 3000\n$/)
  })

  test('the plan is printed and nothing runs', async () => {
    const { code, stdout } = await airplant([
      'run',
      '--print-plan',
      '--cap-drop',
      'ALL',
      'host',
      'touch',
      `${directory}/no`,
    ])
    expect(code).toBe(0)
    expect(stdout.toString()).toMatch(
      /^0 networkOf .*\n(.*\n)*\d+ hostMkdir .*\n(.*\n)*\d+ credentials .*bounding=0 .*\n(.*\n)*\d+ exec argv=\["touch"/,
    )
    expect(() => readFileSync(join(directory, 'no'))).toThrow('ENOENT')
  })
})
