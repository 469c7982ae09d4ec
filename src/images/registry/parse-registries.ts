import { AirplantError } from '../../errors.ts'
import { closestName } from '../../rootless/closest-name.ts'
import { looksLikeHost } from '../parse-host.ts'
import { quoteBriefly } from '../quote-briefly.ts'
import { isObject } from './credentials/auth-file.ts'
import { parseLocation } from './parse-location.ts'
import type { Location, Mirror, RegistrySettings } from './registries-config.ts'

/** Kinds of values, as in the checks of options. */
type Kind = 'text' | 'switch' | 'list' | 'object'

const documentKeys = { registries: 'object' } as const
const settingsKeys = { mirrors: 'list', location: 'text', insecure: 'switch', blocked: 'switch' } as const
const mirrorKeys = { location: 'text', digestOnly: 'switch', insecure: 'switch' } as const

const words: Record<Kind, string> = { text: 'a text', switch: 'true or false', list: 'a list', object: 'an object' }

/**
 * Reads a configuration file. A misspelt key would else be dropped silently, and a registry thought blocked would not be.
 *
 * @param source its path
 * @throws {AirplantError} `ERR_INVALID_OPTION`, which names the file and the key
 * @example
 * parseRegistries('{ "registries": { "docker.io": { "mirrors": [{ "location": "http://127.0.0.1:5000" }] } } }', path)
 */
export function parseRegistries(text: string, source: string): RegistrySettings[] {
  const { registries = {} } = checkKeys(parseJson(text, source), documentKeys, 'the file', source)
  return Object.entries(registries).map(([key, value]) => parseSettings(key, value, source))
}

/**
 * A registry, or prefix of names, as a key. Docker Hub's other names become `docker.io`.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function parsePrefix(key: string, source: string): string {
  const location = parseLocation(key)
  const reason = typeof location === 'string' ? location : location.scheme && 'it has a scheme'
  if (typeof location === 'string' || reason !== undefined) {
    throw wrong(
      source,
      `${quoteBriefly(key)} is not a registry, ${reason}`,
      'Write "host", "host:port" or "host/prefix"',
    )
  }
  if (!looksLikeHost(location.host)) {
    const hint = `Write "docker.io/library/${location.host}" for Docker Hub's image of that name, or give the host a port`
    throw wrong(source, `${quoteBriefly(key)} is not a registry, its host has neither dot nor port`, hint)
  }
  return location.path === '' ? location.host : `${location.host}/${location.path}`
}

/** @throws {AirplantError} `ERR_INVALID_OPTION` */
export function checkLocation(text: string, source: string): Location {
  const location = parseLocation(text)
  if (typeof location !== 'string') return location
  const hint = 'Write it as in "http://127.0.0.1:5000" or "mirror.example/prefix"'
  // An address with a password in it is not shown.
  const shown = text.includes('@') ? 'a location' : quoteBriefly(text)
  throw wrong(source, `${shown} is not a location, ${location}`, hint)
}

function parseSettings(key: string, value: unknown, source: string): RegistrySettings {
  const prefix = parsePrefix(key, source)
  const what = quoteBriefly(key)
  const { mirrors = [], location, insecure = false, blocked = false } = checkKeys(value, settingsKeys, what, source)
  return {
    prefix,
    source,
    mirrors: mirrors.map((mirror) => parseMirror(mirror, `a mirror of ${what}`, source)),
    location: location === undefined ? undefined : checkLocation(location, source),
    insecure,
    blocked,
  }
}

function parseMirror(value: unknown, what: string, source: string): Mirror {
  const { location, digestOnly = false, insecure = false } = checkKeys(value, mirrorKeys, what, source)
  if (location !== undefined) return { location: checkLocation(location, source), digestOnly, insecure }
  throw wrong(source, `${what} has no "location"`, 'Write { "location": "http://127.0.0.1:5000" }')
}

interface Kinds {
  text: string
  switch: boolean
  list: unknown[]
  object: Record<string, unknown>
}

type Checked<Keys extends Record<string, Kind>> = { readonly [Key in keyof Keys]?: Kinds[Keys[Key]] }

function checkKeys<Keys extends Record<string, Kind>>(
  value: unknown,
  keys: Keys,
  what: string,
  source: string,
): Checked<Keys> {
  if (!isObject(value)) throw wrong(source, `${what} is not an object`, `Write { "${Object.keys(keys)[0]}": … }`)
  for (const [key, each] of Object.entries(value)) {
    const kind = Object.hasOwn(keys, key) ? keys[key] : undefined
    if (kind === undefined) throw unknownKey(source, key, what, Object.keys(keys))
    if (!fits(each, kind)) throw wrong(source, `"${key}" of ${what} is not ${words[kind]}`, `Give ${words[kind]}`)
  }
  return value as Checked<Keys>
}

function fits(value: unknown, kind: Kind): boolean {
  if (kind === 'list') return Array.isArray(value)
  if (kind === 'object') return isObject(value)
  return typeof value === (kind === 'text' ? 'string' : 'boolean')
}

function unknownKey(source: string, key: string, what: string, known: string[]): AirplantError {
  const closest = closestName(key, known)
  const hint = closest ? `Did you mean "${closest}"?` : `Known keys: ${known.join(', ')}`
  return wrong(source, `${what} has an unknown key ${quoteBriefly(key)}`, hint)
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (error) {
    throw wrong(source, `not JSON: ${(error as Error).message}`, 'Correct the file')
  }
}

function wrong(source: string, reason: string, hint: string): AirplantError {
  const what = source.startsWith('/') ? `"${source}"` : source
  return new AirplantError({ code: 'ERR_INVALID_OPTION', message: `Cannot use ${what}: ${reason}`, hint })
}
