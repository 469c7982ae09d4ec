import type { ErrorCode, Phase } from '../../errors.ts'
import { AirplantError, isAirplantError } from '../../errors.ts'
import { quoteBriefly } from '../quote-briefly.ts'
import type { Descriptor } from '../descriptor.ts'
import type { Reference } from '../reference.ts'
import { dockerHub, formatReference } from '../reference.ts'
import { reasonOf } from './refusal.ts'

/** What a registry is asked for, for messages. */
export interface Purpose {
  /** `'pull'`: the message begins with "Cannot pull". */
  readonly verb: string
  /** `'docker.io/library/postgres:17'`. */
  readonly name: string
  readonly registry: string
  readonly phase: Phase
  /** Digest of the blob of it that is at stake. */
  readonly detail?: string
}

/** A purpose that concerns a reference; uploading is a phase of its own. */
export function purposeOf(verb: string, name: string, { registry }: Reference): Purpose {
  return { verb, name, registry, phase: verb === 'push' ? 'push' : 'pull' }
}

/** A purpose that concerns a blob: messages name the image that it belongs to. */
export function purposeOfBlob(verb: 'pull' | 'push', reference: Reference, { digest }: Descriptor): Purpose {
  return { ...purposeOf(verb, formatReference(reference), reference), detail: digest }
}

/** A registry as a reference without a repository, for what concerns all of it. */
export function wholeOf(registry: string): Reference {
  return { registry, repository: '' }
}

/** What somebody who was asked said. */
export interface Attempt {
  /** `'https://registry-1.docker.io'`. */
  readonly from: string
  readonly error: unknown
}

/** The error for the caller: what was wanted, who was asked, and what each said. The code is that of the last, which is the registry. */
export function allFailed(purpose: Purpose, attempts: readonly Attempt[]): AirplantError {
  const last = attempts.at(-1)?.error as AirplantError
  const said = attempts.map(({ from, error }) => `${from}: ${reasonOf(error)}`).join('; ')
  return new AirplantError({
    code: last.code,
    phase: purpose.phase,
    message: `Cannot ${purpose.verb} ${quoteBriefly(purpose.name)}: ${said}`,
    hint: last.hint ?? hintOf(last.code, purpose, attempts),
    detail: purpose.detail,
    cause: last.cause ?? last,
  })
}

/** The error for a layer that only its address has, which is never fetched: a manifest must not make us send requests anywhere. */
export function foreignLayer({ name, phase, detail }: Purpose, error: unknown): unknown {
  if (!isAirplantError(error) || error.code !== 'ERR_IMAGE_NOT_FOUND') return error
  return new AirplantError({
    code: 'ERR_INVALID_IMAGE',
    phase,
    message: `Cannot pull ${quoteBriefly(name)}: it has a foreign layer that the registry lacks, and addresses in manifests are not fetched`,
    hint: 'Push the image to a registry with its foreign layers, or use another image',
    detail,
    cause: error,
  })
}

/** The error for a call whose signal fired. */
export function aborted({ verb, name, phase }: Purpose, reason: unknown): AirplantError {
  return new AirplantError({
    code: 'ERR_ABORTED',
    phase,
    message: `Cannot ${verb} ${quoteBriefly(name)}: it was aborted`,
    hint: 'Give it more time, or look what fired the signal',
    cause: reason,
  })
}

function hintOf(code: ErrorCode, { registry, verb }: Purpose, attempts: readonly Attempt[]): string {
  const login = registry === dockerHub ? 'airplant login' : `airplant login ${registry}`
  switch (code) {
    case 'ERR_REGISTRY_AUTH':
      return verb === 'push'
        ? `Run "${login}" with an account that may push, or set DOCKER_AUTH_CONFIG`
        : `Check the name; if it is private run "${login}", or set DOCKER_AUTH_CONFIG`
    case 'ERR_IMAGE_NOT_FOUND':
      return `Check the name and the tag; if it is private run "${login}"`
    case 'ERR_RATE_LIMITED':
      return `Wait, run "${login}" for a higher limit, or name a mirror in AIRPLANT_REGISTRY_MIRROR`
    case 'ERR_REGISTRY_UNREACHABLE':
      // Who has a mirror and no way to the registry itself has most likely misspelt something.
      return attempts.some(({ error }) => isAirplantError(error) && error.code === 'ERR_IMAGE_NOT_FOUND')
        ? 'Check the name and the tag; if they are right, check the network, HTTPS_PROXY and NO_PROXY'
        : 'Check the network, HTTPS_PROXY and NO_PROXY, name a mirror in AIRPLANT_REGISTRY_MIRROR, or load the image from an archive'
    case 'ERR_DIGEST_MISMATCH':
      return 'Try again; if it stays, the registry or a proxy on the way changes what it serves'
    default:
      return 'Try again later, or tell who runs the registry'
  }
}
