import { AirplantError } from '../errors.ts'

/**
 * Adds to the first line of an error's message what it was about, unless it says so already: those who read layers and archives do not know
 * where they come from.
 *
 * @example
 * nameInMessage(error, 'seed.tar') // Cannot read the archive: it is cut short (seed.tar)
 */
export function nameInMessage(error: unknown, name: string): unknown {
  if (!(error instanceof AirplantError) || error.message.includes(name)) return error
  const [first = '', ...rest] = error.message.split('\n')
  error.message = [`${first} (${name})`, ...rest].join('\n')
  return error
}
