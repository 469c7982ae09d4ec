import { describe, expect, test } from 'vitest'
import type { Command } from '../../src/cli/command.ts'
import { readCommandLine } from '../../src/cli/command-line.ts'
import { describeCommand } from '../../src/cli/describe-command.ts'

const command: Command = {
  name: 'pull',
  usage: '[FLAGS] IMAGE',
  about: 'Fetches images.',
  flags: [
    { name: 'quiet', short: 'q', help: 'Say nothing' },
    { name: 'filter', short: 'f', value: 'NAME=VALUE', help: 'Choose' },
    { name: 'tree', refused: { why: 'it has none', instead: 'Leave it out' } },
  ],
  words: [1, 2],
  examples: ['airplant pull x'],
  run: () => Promise.resolve(0),
}

const read = (...args: string[]): ReturnType<typeof readCommandLine> => readCommandLine(args, command)

describe('a command line', () => {
  test('may have its flags anywhere, until two dashes', () => {
    const line = read('one', '-q', '--filter', 'a=1', '--', '-f')!
    expect(line.words).toEqual(['one', '-f'])
    expect(line.isOn('quiet')).toBe(true)
    expect(line.values('filter')).toEqual(['a=1'])
  })

  test('counts the last of a flag that was given twice', () => {
    const line = read('-q', '-q=false', '-fa=1', '-f', 'b=2', 'x')!
    expect([line.isOn('quiet'), line.value('filter'), line.value('other')]).toEqual([false, 'b=2', undefined])
  })

  test('with too few or too many words says how to write it', () => {
    expect(() => read()).toThrow('Cannot run "pull": too few arguments\nHint: Write airplant pull [FLAGS] IMAGE')
    expect(() => read('a', 'b', 'c')).toThrow('Cannot run "pull": unexpected argument "c"')
    expect(() => read('a', '--quite')).toThrow('Unknown flag --quite\nHint: Did you mean --quiet?')
    expect(() => read('a', '--xyz')).toThrow('Hint: See "airplant pull --help"')
    expect(() => read('a', '--tree')).toThrow('Cannot use --tree: it has none\nHint: Leave it out')
  })

  test('that asks for help is not looked at further', () => {
    expect(read('--help')).toBeUndefined()
    expect(read('-h', 'a', 'b', 'c')).toBeUndefined()
  })
})

test('help has flags that are not refused, and examples', () => {
  expect(describeCommand(command)).toBe(`Usage: airplant pull [FLAGS] IMAGE

Fetches images.

  -q, --quiet              Say nothing
  -f, --filter NAME=VALUE  Choose

Examples:
  airplant pull x
`)
})
