import { expect, test } from 'vitest'
import { commandAliases, commandTable, commandsOfGroup, findCommand } from '../../src/cli/command-table.ts'
import { describeCommand } from '../../src/cli/describe-command.ts'

test("docker's words for the same are found", () => {
  expect(findCommand(['images', '-q'])).toEqual({ name: 'images', args: ['-q'] })
  expect(findCommand(['image', 'ls', '-q'])).toEqual({ name: 'images', args: ['-q'] })
  expect(findCommand(['volume', 'inspect', 'data'])).toEqual({ name: 'inspect', args: ['--type=volume', 'data'] })
  expect(findCommand(['volume', 'ls'])).toEqual({ name: 'volume ls', args: [] })
  expect(findCommand(['system', 'prune', '-f'])).toEqual({ name: 'prune', args: ['-f'] })
  expect(findCommand(['image'])).toBeUndefined()
  expect(findCommand(['image', 'nonsense'])).toBeUndefined()
  expect(findCommand(['constructor'])).toBeUndefined()
  expect(commandsOfGroup('system')).toEqual(['system df', 'system prune'])
})

test('every alias leads to a command', () => {
  for (const [name] of Object.values(commandAliases)) expect(Object.keys(commandTable)).toContain(name)
})

test.each(Object.entries(commandTable))('%s has code that goes by its name, and help', async (name, { load }) => {
  const command = await load()
  if (typeof command === 'function') return
  expect(command.name).toBe(name)
  expect(
    describeCommand(command)
      .split('\n')
      .every((line) => line.length <= 160),
  ).toBe(true)
  const letters = command.flags.flatMap(({ short }) => short ?? [])
  expect(new Set(letters).size, 'letters stand for one flag each').toBe(letters.length)
})
