import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { airplantMain, noCli } from '../../support/cli.ts'
import { watchLeftovers } from '../../support/leftovers.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

const script = fileURLToPath(new URL('../../support/pty.py', import.meta.url))
const hasPython = spawnSync('python3', ['-c', 'import os; os.waitstatus_to_exitcode']).status === 0
const cannot = noCli ?? (hasPython ? undefined : 'python3 (3.9 or later) is missing: it makes the terminal')
beforeEach(({ skip }) => skip(cannot !== undefined, cannot))

type Step = { expect: string } | { send: string } | { resize: [number, number] } | { signal: number }

/** What a terminal of 30 rows and 100 columns shows, and how the command ended. */
function onTerminal(args: readonly string[], steps: readonly Step[]): string {
  const { stdout } = spawnSync('python3', [script, JSON.stringify(steps), process.execPath, airplantMain, ...args], {
    encoding: 'utf8',
  })
  return stdout.replaceAll('\r\n', '\n')
}

test('-it is a terminal of the same size, and follows it', () => {
  const shown = onTerminal(
    [
      'run',
      '-it',
      'host',
      'sh',
      '-c',
      'stty size; trap "stty size; exit 5" WINCH; echo ready; while :; do sleep 0.05; done',
    ],
    [{ expect: 'ready' }, { resize: [44, 132] }, { expect: '44 132' }],
  )
  expect(shown).toContain('30 100\nready\n44 132\n\nexit 5\nterminal restored')
  expect(shown).not.toContain('never came')
})

test('keys go through as they are: Ctrl-C reaches the program in the container only', () => {
  const shown = onTerminal(
    ['run', '-it', 'host', 'sh', '-c', 'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.05; done'],
    [{ expect: 'ready' }, { send: '\u0003' }, { expect: 'caught' }],
  )
  expect(shown).toContain('caught\n\nexit 3\nterminal restored')
})

test('a shell can be talked to, and ends by Ctrl-D', () => {
  const shown = onTerminal(
    ['run', '-it', 'host', 'sh'],
    [{ expect: '# ' }, { send: 'echo $((40 + 2))\r' }, { expect: '42' }, { expect: '# ' }, { send: '\u0004' }],
  )
  expect(shown).toContain('exit 0\nterminal restored')
  expect(shown).not.toContain('never came')
})

test('the terminal is restored when a signal ends it', () => {
  const shown = onTerminal(
    ['run', '-it', 'host', 'sh', '-c', 'echo ready; exec sleep 60'],
    [{ expect: 'ready' }, { signal: 15 }],
  )
  expect(shown).toContain('exit 143\nterminal restored')
})

test('without -t Ctrl-C ends it too', () => {
  const shown = onTerminal(
    ['run', 'host', 'sh', '-c', 'echo ready; exec sleep 60'],
    [{ expect: 'ready' }, { send: '\u0003' }],
  )
  expect(shown).toContain('exit 130\nterminal restored')
})
