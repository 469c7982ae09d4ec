import { afterAll, beforeEach, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import { noTerminal, onTerminal } from '../../support/on-terminal.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

beforeEach(({ skip }) => skip(noTerminal !== undefined, noTerminal))

test('-it is a terminal of the same size, and follows it', async () => {
  const shown = await onTerminal(
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

test('keys go through as they are: Ctrl-C reaches the program in the container only', async () => {
  const shown = await onTerminal(
    ['run', '-it', 'host', 'sh', '-c', 'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.05; done'],
    [{ expect: 'ready' }, { send: '\u0003' }, { expect: 'caught' }],
  )
  expect(shown).toContain('caught\n\nexit 3\nterminal restored')
})

test('a shell can be talked to, and ends by Ctrl-D', async () => {
  const shown = await onTerminal(
    ['run', '-it', 'host', 'sh'],
    [{ expect: '# ' }, { send: 'echo $((40 + 2))\r' }, { expect: '42' }, { expect: '# ' }, { send: '\u0004' }],
  )
  expect(shown).toContain('exit 0\nterminal restored')
  expect(shown).not.toContain('never came')
})

test('the terminal is restored when a signal ends it', async () => {
  const shown = await onTerminal(
    ['run', '-it', 'host', 'sh', '-c', 'echo ready; exec sleep 60'],
    [{ expect: 'ready' }, { signal: 15 }],
  )
  expect(shown).toContain('exit 143\nterminal restored')
})

test('without -t Ctrl-C ends it too', async () => {
  const shown = await onTerminal(
    ['run', 'host', 'sh', '-c', 'echo ready; exec sleep 60'],
    [{ expect: 'ready' }, { send: '\u0003' }],
  )
  expect(shown).toContain('exit 130\nterminal restored')
})
