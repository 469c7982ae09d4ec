import type { Healthcheck } from '../images/image.ts'
import { checkOptions } from '../rootless/check-options.ts'
import { invalidOption, parseCommand, parseMilliseconds } from './option-parsers.ts'
import type { HealthcheckOption } from './options.ts'
import { healthcheckShape } from './option-shapes.ts'

// Docker's, https://docs.docker.com/reference/dockerfile/#healthcheck
const defaults = { interval: 30_000, timeout: 30_000, startPeriod: 0, startInterval: 5_000, retries: 3 }

/**
 * A health check with every default filled in.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function parseHealthcheck(option: false | HealthcheckOption | undefined): Healthcheck | undefined {
  if (option === false || option === undefined) return undefined
  checkOptions('a healthcheck', option, healthcheckShape)
  const { command, ...given } = option
  if (command === undefined) {
    throw invalidOption('healthcheck', option, 'it has no command, and the image has none either', 'Give a command')
  }
  const check = { ...defaults, ...given }
  for (const name of ['interval', 'timeout', 'startInterval'] as const) {
    if (parseMilliseconds(`${name} of a healthcheck`, check[name]) < 1) {
      throw invalidOption(`${name} of a healthcheck`, check[name], 'too short', 'Give at least 1 ms')
    }
  }
  parseMilliseconds('startPeriod of a healthcheck', check.startPeriod)
  if (!Number.isInteger(check.retries) || check.retries < 1) {
    throw invalidOption('retries of a healthcheck', check.retries, 'not a count', 'Give a whole number from 1')
  }
  return { ...check, command: parseCommand(command) }
}
