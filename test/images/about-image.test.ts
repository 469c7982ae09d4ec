import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { AirplantError, type AirplantErrorInit } from '../../src/errors.ts'
import { aboutImage } from '../../src/images/about-image.ts'
import { now } from '../../src/rootless/clock.ts'

const task = { phase: 'pull', image: 'docker.io/library/app:1', began: now() } as const

test('no field of an error is lost, nor a line of its message', () => {
  const init: AirplantErrorInit = {
    code: 'ERR_DISK_FULL',
    message: 'Cannot write "/x": no space\nleft in the store',
    phase: 'store',
    hint: 'Free space',
    cause: new Error('ENOSPC'),
    container: 'abc',
    exitCode: 1,
    signal: 'SIGKILL',
    probes: ['one', 'two'],
    logTail: 'last words',
    errno: 'ENOSPC',
    step: 'write',
    detail: '/x',
  }
  const before = new AirplantError(init)
  const { message, stack } = before
  const error = aboutImage(before, task) as AirplantError
  const { message: _, ...fields } = init
  expect(error).toMatchObject({ ...fields, image: task.image, elapsed: expect.any(Number) as number })
  expect(error.message).toBe(message.replace('no space', `no space (${task.image})`))
  expect(error.stack).toBe(stack)
  expect(error).toBeInstanceOf(AirplantError)
})

test('what an error says already stays', () => {
  const error = new AirplantError({ code: 'ERR_STORE', message: 'x', image: 'other', elapsed: 5, phase: 'unpack' })
  expect(aboutImage(error, task)).toMatchObject({ image: 'other', elapsed: 5, phase: 'unpack' })
})

test("errors of the file system are the store's, mistakes of ours stay what they are", () => {
  const missing = thrownBy(() => readFileSync('/nonexistent/blob'))
  const error = aboutImage(missing, task) as AirplantError
  expect(error).toMatchObject({ code: 'ERR_STORE', phase: 'store', image: task.image, errno: 'ENOENT', cause: missing })
  expect(error.message).toMatch(/^Cannot pull "docker\.io\/library\/app:1": ENOENT/)
  const mistake = thrownBy(() => Buffer.from(undefined as never))
  expect(aboutImage(mistake, task)).toBe(mistake)
})

test('an abort is told in the same way wherever it hit', () => {
  const signal = AbortSignal.abort(new Error('Enough'))
  for (const thrown of [new Error('socket closed'), new AirplantError({ code: 'ERR_STORE', message: 'Cannot lock' })]) {
    expect(aboutImage(thrown, { ...task, phase: 'push', signal })).toMatchObject({
      code: 'ERR_ABORTED',
      phase: 'push',
      image: task.image,
      cause: { message: 'Enough' },
    })
  }
})

function thrownBy(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    return error
  }
}
