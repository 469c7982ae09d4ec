import { AirplantError } from '../../errors.ts'

/** Reads a member of a JSON value, or throws an error that names the member and says what belongs there. */
export type Read<T> = (value: unknown, where: string) => T

/** The error for a member that is not what it should be. */
export function invalidProfile(where: string, problem: string, hint: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Invalid seccomp profile: ${where} ${problem}`,
    hint,
  })
}

export const readObject: Read<Record<string, unknown>> = (value, where) => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw invalidProfile(where, `is ${typeName(value)}, not an object`, 'Give an object in the OCI seccomp form')
}

export const readString: Read<string> = (value, where) => {
  if (typeof value === 'string') return value
  throw invalidProfile(where, `is ${typeName(value)}, not a string`, 'Write a string there')
}

/** A list, empty when missing or null (Go writes null for an empty one). */
export function readList<T>(value: unknown, where: string, read: Read<T>): T[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value.map((item, index) => read(item, `${where}[${index}]`))
  throw invalidProfile(where, `is ${typeName(value)}, not a list`, 'Write a list there')
}

/** A whole number from 0 to `most`. */
export function readInteger(value: unknown, where: string, most: number): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most) return value as number
  throw invalidProfile(where, `is ${shown(value)}, not a whole number from 0 to ${most}`, 'Write such a number')
}

/** An unsigned 64-bit number: a number that JSON keeps exact, a BigInt, or text as `'0xffffffffffffffff'`. */
export const readUint64: Read<bigint> = (value, where) => {
  const exact = typeof value === 'bigint' || Number.isSafeInteger(value) || isNumeral(value)
  const number = exact ? BigInt(value as bigint | number | string) : -1n
  if (number >= 0n && number < 2n ** 64n) return number
  throw invalidProfile(
    where,
    `is ${shown(value)}, not a whole number from 0 to 2^64-1`,
    'Write numbers above 2^53 as a BigInt or as text',
  )
}

function isNumeral(value: unknown): boolean {
  return typeof value === 'string' && /^(\d+|0x[\da-f]+)$/i.test(value)
}

function typeName(value: unknown): string {
  return value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : value === undefined
        ? 'missing'
        : `a ${typeof value}`
}

function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? JSON.stringify(value) : typeName(value)
}
