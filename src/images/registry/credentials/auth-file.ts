import type { AirplantError } from '../../../errors.ts'
import { authError, showKey, showSource } from './auth-error.ts'

/** What a file or variable in the format of docker's config.json says about credentials. */
export interface AuthFile {
  /** Its path, or the name of the variable. */
  readonly source: string
  readonly auths: readonly (readonly [key: string, entry: AuthEntry])[]
  /** Registry and the end of a helper's name. */
  readonly credHelpers: readonly (readonly [key: string, helper: string])[]
  readonly credsStore: string | undefined
}

/** One of `auths`, each field `''` where it is missing. */
export interface AuthEntry {
  /** Base64 of `username:password`. */
  readonly auth: string
  readonly username: string
  readonly password: string
  readonly identitytoken: string
  readonly registrytoken: string
}

/**
 * Reads such a document. Keys that have nothing to do with credentials are others' business.
 *
 * @throws {AirplantError} `ERR_REGISTRY_AUTH`, which names the source and the key but never shows the text
 */
export function parseAuthFile(text: string, source: string): AuthFile {
  const document = parseDocument(text, source)
  const { credsStore = '' } = document
  if (typeof credsStore !== 'string') throw wrong(source, '"credsStore" is not a text')
  return {
    source,
    auths: entriesOf(document, 'auths', source).map(([key, value]) => [key, parseEntry(value, key, source)]),
    credHelpers: entriesOf(document, 'credHelpers', source).map(([key, value]) => {
      if (typeof value !== 'string') throw wrong(source, `"credHelpers" of ${showKey(key)} is not a text`)
      return [key, value]
    }),
    credsStore: credsStore === '' ? undefined : credsStore,
  }
}

/**
 * The document itself, as it is to be written back. An empty text is an empty document, as for Docker.
 *
 * @throws {AirplantError} `ERR_REGISTRY_AUTH`
 */
export function parseDocument(text: string, source: string): Record<string, unknown> {
  const bare = text.replace(/^\ufeff/, '')
  if (bare.trim() === '') return {}
  let document: unknown
  try {
    document = JSON.parse(bare)
  } catch (error) {
    throw wrong(source, `not JSON${placeOf(error as Error, bare)}`)
  }
  if (!isObject(document)) throw wrong(source, 'not a JSON object')
  return document
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function entriesOf(document: Record<string, unknown>, name: string, source: string): [string, unknown][] {
  const value = document[name] ?? {}
  if (!isObject(value)) throw wrong(source, `"${name}" is not an object`)
  return Object.entries(value)
}

function parseEntry(value: unknown, key: string, source: string): AuthEntry {
  // Docker writes {} for a registry whose credentials a helper has; null is what other tools make of that.
  const entry = value ?? {}
  if (!isObject(entry)) throw wrong(source, `"auths" of ${showKey(key)} is not an object`)
  const field = (name: keyof AuthEntry): string => {
    const text = entry[name] ?? ''
    if (typeof text !== 'string') throw wrong(source, `"${name}" of ${showKey(key)} is not a text`)
    return text
  }
  return {
    auth: field('auth'),
    username: field('username'),
    password: field('password'),
    identitytoken: field('identitytoken'),
    registrytoken: field('registrytoken'),
  }
}

function placeOf(error: Error, text: string): string {
  const [, position] = /at position (\d+)/.exec(error.message) ?? []
  if (position === undefined) return ''
  const before = text.slice(0, Number(position)).split('\n')
  return ` (line ${before.length}, column ${before.at(-1)!.length + 1})`
}

function wrong(source: string, reason: string): AirplantError {
  const what = showSource(source)
  return authError(`Cannot read credentials from ${what}: ${reason}`, `Correct ${what}, or remove it`)
}
