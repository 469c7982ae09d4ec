import { AirplantError } from '../errors.ts'
import { closestName } from '../rootless/closest-name.ts'

/** What an option's value may be; `any` is looked at closer by its own parser. */
export type OptionKind = 'text' | 'number' | 'switch' | 'list' | 'object' | 'any'

/** The options that an object may have. */
export type OptionShape<T> = { readonly [Name in keyof Required<T>]: OptionKind }

const words: Record<OptionKind, string> = {
  text: 'a text',
  number: 'a number',
  switch: 'true or false',
  list: 'a list',
  object: 'an object',
  any: 'anything',
}

/**
 * Refuses what is not an object of such options. A misspelt option would else be dropped silently: `{ readonly: true }` would make a bind
 * that can be written to.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function checkOptions<T extends object>(what: string, given: T, shape: OptionShape<T>): void {
  const value: unknown = given
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notAn(what, value)
  for (const [name, option] of Object.entries(value)) {
    const kind = (shape as Record<string, OptionKind | undefined>)[name]
    if (kind === undefined) throw unknownOption(what, name, Object.keys(shape))
    if (option !== undefined && !fits(option, kind)) throw wrongKind(what, name, option, kind)
  }
}

function fits(value: unknown, kind: OptionKind): boolean {
  if (kind === 'any') return true
  if (kind === 'list') return Array.isArray(value)
  if (kind === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  return typeof value === { text: 'string', number: 'number', switch: 'boolean' }[kind]
}

function notAn(what: string, value: unknown): AirplantError {
  return refusal(`Cannot use ${show(value)} as ${what}: not an object of options`, 'Give an object, as in { … }')
}

function unknownOption(what: string, name: string, known: string[]): AirplantError {
  const closest = closestName(name, known)
  const hint = closest ? `Did you mean "${closest}"?` : `There are ${known.join(', ')}`
  return refusal(`Unknown option "${name}" of ${what}`, hint)
}

function wrongKind(what: string, name: string, value: unknown, kind: OptionKind): AirplantError {
  const hint =
    kind === 'list' && typeof value === 'string' ? `Write ["${value.split(' ').join('", "')}"]` : `Give ${words[kind]}`
  return refusal(`Cannot use ${show(value)} as ${name} of ${what}: not ${words[kind]}`, hint)
}

function show(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : (JSON.stringify(value) ?? String(value))
}

function refusal(message: string, hint: string): AirplantError {
  return new AirplantError({ code: 'ERR_INVALID_OPTION', phase: 'create', message, hint })
}
