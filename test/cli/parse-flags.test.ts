import { describe, expect, test } from 'vitest'
import { parseFlags, type Flag } from '../../src/cli/parse-flags.ts'

const table: readonly Flag[] = [
  { name: 'interactive', short: 'i', help: '' },
  { name: 'tty', short: 't', help: '' },
  { name: 'env', short: 'e', value: 'NAME', help: '' },
  { name: 'network', aliases: ['net'], value: 'NAME', help: '' },
  { name: 'detach', short: 'd', refused: { why: 'there is no daemon', instead: 'Add "&"' } },
]

const pairs = (...args: string[]): unknown[] => parseFlags(args, table).flags.map(({ name, value }) => [name, value])

describe('parseFlags', () => {
  test('takes values after a space, an equals sign, and for a letter attached', () => {
    const expected = [['env', 'A=1']]
    for (const args of [['--env', 'A=1'], ['--env=A=1'], ['-e', 'A=1'], ['-eA=1'], ['-e=A=1']]) {
      expect(pairs(...args)).toEqual(expected)
    }
    expect(pairs('--env', '-i')).toEqual([['env', '-i']])
    expect(pairs('--env=')).toEqual([['env', '']])
  })

  test('takes switches one by one and together, a value last', () => {
    const both = [
      ['interactive', true],
      ['tty', true],
    ]
    expect(pairs('-it')).toEqual(both)
    expect(pairs('-i', '--tty')).toEqual(both)
    expect(pairs('-ti')).toEqual([...both].reverse())
    expect(pairs('-ite', 'A')).toEqual([...both, ['env', 'A']])
    expect(pairs('--tty=false')).toEqual([['tty', false]])
    expect(pairs('-t=0')).toEqual([['tty', false]])
  })

  test('ends at the first other word and drops a -- before it', () => {
    expect(parseFlags(['-i', 'host', '-t'], table)).toMatchObject({
      flags: [{ name: 'interactive' }],
      rest: ['host', '-t'],
    })
    expect(parseFlags(['-i', '--', '-t'], table).rest).toEqual(['-t'])
    expect(parseFlags(['-'], table).rest).toEqual(['-'])
  })

  test('knows other names of a flag', () => {
    expect(pairs('--net', 'none')).toEqual([['network', 'none']])
  })

  test('refuses with the reason and what to do', () => {
    expect(() => pairs('-d')).toThrow('Cannot use -d: there is no daemon\nHint: Add "&"')
    expect(() => pairs('--intractive')).toThrow('Unknown flag --intractive\nHint: Did you mean --interactive?')
    expect(() => pairs('-x')).toThrow('Unknown flag -x')
    expect(() => pairs('--env')).toThrow('Cannot use --env without a value')
    expect(() => pairs('--tty=maybe')).toThrow('Cannot use "maybe" as value of --tty')
  })
})
