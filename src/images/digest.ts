import { createHash } from 'node:crypto'
import { AirplantError } from '../errors.ts'
import { quoteBriefly } from './quote-briefly.ts'

/** A digest in its parts, both safe as names of files. */
export interface Digest {
  readonly algorithm: 'sha256' | 'sha512'
  /** Lower case, 64 or 128 digits. */
  readonly hex: string
}

// A list of what is allowed and exact lengths: a digest from a registry that went unchecked into a path named any file (CVE-2024-3727).
const formats = /^(?:(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128}))$/

/** Whether {@link parseDigest} accepts it. */
export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && formats.test(text)
}

/**
 * Takes a digest apart. Whatever becomes part of a path or an address goes through here first.
 *
 * @throws {AirplantError} `ERR_INVALID_REFERENCE`
 * @example
 * const { algorithm, hex } = parseDigest(descriptor.digest)
 * join(blobs, algorithm, hex)
 */
export function parseDigest(text: string): Digest {
  const [, sha256, short, sha512, long] = (typeof text === 'string' && formats.exec(text)) || []
  if (sha256 !== undefined && short !== undefined) return { algorithm: 'sha256', hex: short }
  if (sha512 !== undefined && long !== undefined) return { algorithm: 'sha512', hex: long }
  throw new AirplantError({
    code: 'ERR_INVALID_REFERENCE',
    message: `Cannot use ${quoteBriefly(text)} as a digest: ${digestFault(text)}`,
    hint: digestForm,
  })
}

/** The digest of bytes that are in memory, or of a text. */
export function digestOf(bytes: Uint8Array | string, algorithm: Digest['algorithm'] = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}

/** What a digest has to look like, as a hint. */
export const digestForm = 'Write "sha256:" and 64 lower-case hexadecimal digits, or "sha512:" and 128'

/** Why {@link parseDigest} refuses it, as part of a message. */
export function digestFault(text: unknown): string {
  if (typeof text !== 'string') return 'not a text'
  const [, algorithm, encoded] = /^([^:]*):(.*)$/s.exec(text) ?? []
  if (algorithm === undefined || encoded === undefined) return 'it names no algorithm'
  if (algorithm !== 'sha256' && algorithm !== 'sha512') return `the algorithm ${quoteBriefly(algorithm)} is not known`
  if (/^[0-9a-f]*$/.test(encoded)) {
    return `${algorithm} has ${algorithm === 'sha256' ? 64 : 128} hexadecimal digits, not ${encoded.length}`
  }
  return /^[0-9a-fA-F]*$/.test(encoded) ? 'upper-case digits' : 'not hexadecimal'
}
