import { AirplantError } from '../errors.ts'
import type { UserSpec } from './spec.ts'

/** A terminal's size in characters. */
export interface TtySize {
  readonly rows: number
  readonly columns: number
}

/** A terminal of the usual size, of this size, or none. */
export type TtyOption = boolean | TtySize

/** An `ERR_INVALID_OPTION` for an option's value. */
export function invalidOption(option: string, value: unknown, problem: string, hint: string): AirplantError {
  const shown = typeof value === 'string' ? `"${value}"` : (JSON.stringify(value) ?? String(value))
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    phase: 'create',
    message: `Cannot use ${shown} as ${option}: ${problem}`,
    hint,
  })
}

/** A program and its arguments. */
export function parseCommand(argv: readonly string[]): readonly string[] {
  const given: unknown = argv
  if (!Array.isArray(given)) {
    throw invalidOption('command', argv, 'not a list', 'Give the program and its arguments as a list of texts')
  }
  if (argv.length === 0) {
    throw invalidOption('command', argv, 'nothing to run', 'Give the program and its arguments as a list')
  }
  const bad = argv.find((word) => typeof word !== 'string' || word.includes('\0'))
  if (bad !== undefined) throw invalidOption('command', bad, 'not a text without NUL', 'Give a list of texts')
  return argv
}

/** An environment. */
export function parseEnv(env: Readonly<Record<string, string>>): Record<string, string> {
  for (const [name, value] of Object.entries(env)) {
    if (name === '' || /[=\0]/.test(name) || typeof value !== 'string' || value.includes('\0')) {
      throw invalidOption('env', name, 'not a name with a text value', 'Names have no "=", values are texts')
    }
  }
  return { ...env }
}

const units: Record<string, number> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** Bytes from a number or docker's text: `512`, `64m`, `1g`. */
export function parseSize(option: string, value: number | string): number {
  const match = /^(\d+)([bkmg]?)b?$/i.exec(String(value))
  const bytes = match ? Number(match[1]) * (units[(match[2] ?? '').toLowerCase()] ?? NaN) : NaN
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes
  throw invalidOption(option, value, 'not a size', 'Give bytes as a number, or text like "64m" or "1g"')
}

/** An absolute path inside the container. `..` is harmless there, the keeper resolves it inside the root. */
export function parseTarget(option: string, value: string): string {
  if (!value.startsWith('/') || value.includes('\0')) {
    throw invalidOption(option, value, 'not an absolute path', 'Begin the path in the container with "/"')
  }
  return value.length > 1 ? value.replace(/\/+$/, '') || '/' : value
}

const NAME = /^[a-zA-Z_][a-zA-Z0-9_.@\\-]*\$?$/
const LAST_ID = 2 ** 32 - 2

/**
 * `user`, `uid`, `user:group`, ... A number that does not fit into 32 bits must never become root (CVE-2024-40635), nor half of a
 * malformed text a user (CVE-2026-30892).
 */
export function parseUser(value: string): UserSpec {
  const parts = value.split(':')
  const [user = '', group] = parts
  if (parts.length > 2 || group === '' || (value !== '' && user === '')) throw badUser(value)
  return { user: parseName(value, user), group: parseName(value, group ?? '') }
}

/** Decimal number or name of an account or group. */
export function parseName(whole: string, part: string): string {
  if (part === '') return ''
  if (/^\d+$/.test(part)) {
    if (Number(part) > LAST_ID || (part.length > 1 && part.startsWith('0'))) throw badUser(whole)
    return part
  }
  if (!NAME.test(part)) throw badUser(whole)
  return part
}

function badUser(value: string): AirplantError {
  const hint = 'Write "name", "uid", "name:group" or "uid:gid", with numbers from 0 to 4294967294'
  return invalidOption('user', value, 'neither a name nor a number of that form', hint)
}

/** Owner of a placed file: numbers only, because the file may come before the account. */
export function parseOwner(value: number | string): { uid: number; gid: number } {
  const match = /^(\d+)(?::(\d+))?$/.exec(String(value))
  const uid = Number(match?.[1])
  const gid = Number(match?.[2] ?? match?.[1])
  if (match && uid <= LAST_ID && gid <= LAST_ID) return { uid, gid }
  throw invalidOption('owner of a file', value, 'not a number or "uid:gid"', 'Give the numbers, as in "999:999"')
}

/** A port number from 1, or from 0 where 0 means any free one. */
export function parsePort(option: string, value: number, least: 0 | 1): number {
  if (Number.isInteger(value) && value >= least && value <= 65_535) return value
  throw invalidOption(option, value, 'not a port', `Give a whole number from ${least} to 65535`)
}

/** Permission bits with set-ID and sticky. */
export function parseMode(option: string, value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= 0o7777) return value
  throw invalidOption(option, value, 'not permission bits', 'Give them as in 0o644')
}

// What setTimeout takes; a longer one would fire at once.
const LONGEST = 2 ** 31 - 1

/** A time in milliseconds. */
export function parseMilliseconds(option: string, value: number): number {
  if (typeof value === 'number' && value >= 0 && value <= LONGEST) return value
  throw invalidOption(option, value, 'not a time', `Give milliseconds from 0 to ${LONGEST}`)
}

const MOST_CELLS = 65_535

/** A terminal's size: 24 x 80 for `true`, undefined for none. */
export function parseTty(value: TtyOption | undefined): TtySize | undefined {
  if (value === undefined || value === false) return undefined
  if (value === true) return { rows: 24, columns: 80 }
  const fits = (cells: number): boolean => Number.isInteger(cells) && cells > 0 && cells <= MOST_CELLS
  if (fits(value.rows) && fits(value.columns)) return { rows: value.rows, columns: value.columns }
  throw invalidOption('tty', value, 'not a size', `Give true, or rows and columns from 1 to ${MOST_CELLS}`)
}
