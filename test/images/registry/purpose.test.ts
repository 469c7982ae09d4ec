import { expect, test } from 'vitest'
import type { AirplantError } from '../../../src/errors.ts'
import { type ErrorCode } from '../../../src/errors.ts'
import { parseReference } from '../../../src/images/reference.ts'
import { allFailed, purposeOf, purposeOfBlob } from '../../../src/images/registry/purpose.ts'
import { refusal } from '../../../src/images/registry/refusal.ts'

const reference = parseReference('registry.example/team/app:1')
const digest = `sha256:${'a'.repeat(64)}`

function attempt(from: string, code: ErrorCode, reason: string): { from: string; error: AirplantError } {
  return { from, error: refusal(code, reason) }
}

test('what fails for a blob names the image that it belongs to, and the blob apart', () => {
  const purpose = purposeOfBlob('push', reference, { digest, size: 1, mediaType: 'application/octet-stream' })
  const error = allFailed(purpose, [attempt('https://registry.example', 'ERR_REGISTRY_AUTH', 'it refuses')])
  expect(error.message.split('\n')[0]).toBe(
    'Cannot push "registry.example/team/app:1": https://registry.example: it refuses',
  )
  expect(error).toMatchObject({ code: 'ERR_REGISTRY_AUTH', phase: 'push', detail: digest })
})

test('where a mirror lacks the image and the registry is out of reach, the name is to be checked first', () => {
  const purpose = purposeOf('pull', 'docker.io/library/postgers:17', reference)
  const unreachable = attempt('https://registry-1.docker.io', 'ERR_REGISTRY_UNREACHABLE', 'it refuses connections')
  const missing = attempt('http://127.0.0.1:5000', 'ERR_IMAGE_NOT_FOUND', 'it answered 404 Not Found')
  expect(allFailed(purpose, [missing, unreachable])).toMatchObject({
    code: 'ERR_REGISTRY_UNREACHABLE',
    hint: expect.stringMatching(/^Check the name and the tag/) as string,
  })
  expect(allFailed(purpose, [unreachable]).hint).toMatch(/^Check the network/)
})
