import { describe, expect, test } from 'vitest'
import { ProgressDisplay } from '../../src/cli/show-progress.ts'
import type { ProgressEvent } from '../../src/images/progress.ts'

const digest = `sha256:${'1234567890ab'.padEnd(64, '0')}`
const reference = 'docker.io/library/postgres:17'
const done: ProgressEvent = { kind: 'done', reference, digest, id: digest, changed: true, bytes: 2e6, elapsed: 1500 }
const layer = (state: 'downloading' | 'unpacking' | 'done', part = 0): ProgressEvent => ({
  ...{ kind: 'layer', reference, digest, state, done: part, total: 1000 },
})

function shown(events: readonly ProgressEvent[], isTTY: boolean, env: NodeJS.ProcessEnv = {}): string {
  let text = ''
  const stream = { isTTY, columns: 80, rows: 24, write: (chunk: string) => ((text += chunk), true) }
  const display = new ProgressDisplay(stream, env)
  for (const event of events) display.show(event)
  return text
}

const resolving: ProgressEvent = { kind: 'resolving', reference }
const pull = [resolving, layer('downloading'), layer('downloading', 500), layer('unpacking'), layer('done', 1000), done]

describe('where nobody watches', () => {
  const plain = `${reference}: 2MB in 1.5s (${digest})\n`

  test('there is one line for an image', () => {
    expect(shown(pull, false)).toBe(plain)
    expect(shown(pull, true, { CI: 'true' })).toBe(plain)
    expect(shown(pull, true, { TERM: 'dumb' })).toBe(plain)
    expect(shown([{ ...done, changed: false }], false)).toBe(`${reference}: up to date (${digest})\n`)
  })

  test('what is tried again is said once for all layers', () => {
    const retry: ProgressEvent = { kind: 'retry', reference, reason: 'it answered 503', delay: 60_000 }
    expect(shown([retry, retry, { ...retry, reason: 'other' }], false)).toBe(
      `${reference}: it answered 503; trying again in 1m00s\n${reference}: other; trying again in 1m00s\n`,
    )
  })
})

test('a terminal has a line for each layer, drawn over', () => {
  const text = shown(pull, true)
  expect(text).toContain(`${reference}: asking the registry\n`)
  expect(text).toContain('1234567890ab: Downloading  [                    ] 0B/1kB\n')
  expect(text).toContain('\x1b[1A\x1b[J1234567890ab: Extracting')
  expect(
    text.endsWith(`1234567890ab: Complete
${reference}: 2MB in 1.5s (${digest})
`),
  ).toBe(true)
})
