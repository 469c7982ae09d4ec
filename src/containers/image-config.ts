import { join } from 'node:path/posix'
import { AirplantError, isAirplantError } from '../errors.ts'
import type { ImageConfig } from '../images/image.ts'
import { parseSignal } from '../rootless/signals.ts'
import { parseEnv, parseUser } from './option-parsers.ts'
import type { ContainerOptions, PortOption } from './options.ts'
import type { PublishedSpec } from './parse-published.ts'
import { parsePublished } from './parse-published.ts'
import { publishedSpecs } from './ports.ts'

/**
 * The options with what the image says filled in, by docker's rules: variables are added one by one, an entrypoint of the options clears
 * the image's command, and everything else of the options takes the place of the image's.
 *
 * @throws {AirplantError} `ERR_INVALID_IMAGE` when what the image says, and no option replaces, could not be an option either
 * @example
 * resolveImageConfig({ command: ['bash'] }, config) // { command: ['bash'], entrypoint: ['docker-entrypoint.sh'], user: 'postgres', … }
 */
export function resolveImageConfig(options: ContainerOptions, config: ImageConfig): ContainerOptions {
  return {
    ...options,
    entrypoint: options.entrypoint ?? config.entrypoint,
    command: commandOf(options, config),
    env: { ...ofImage('the variables', () => parseEnv(imageEnv(config.env))), ...options.env },
    user: options.user ?? ofImage('the user', () => (parseUser(config.user), config.user)),
    workdir: options.workdir ?? join('/', config.workdir),
    stopSignal: options.stopSignal ?? ofImage('the stop signal', () => parseSignal(config.stopSignal ?? 'SIGTERM')),
    labels: { ...config.labels, ...options.labels },
    ports: exposedPorts(options.ports ?? [], config.exposedPorts),
    ...healthcheckOf(options, config),
  }
}

function commandOf({ command, entrypoint }: ContainerOptions, { cmd }: ImageConfig): readonly string[] {
  if (command !== undefined && command.length > 0) return command
  return entrypoint === undefined ? cmd : []
}

function healthcheckOf({ healthcheck }: ContainerOptions, config: ImageConfig): Pick<ContainerOptions, 'healthcheck'> {
  if (healthcheck === false || (healthcheck === undefined && !config.healthcheck)) return {}
  return { healthcheck: { ...config.healthcheck, ...healthcheck } }
}

/** A name alone is an empty value: never that of the host's variable of the same name. */
function imageEnv(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    list.map((text) => {
      const equals = text.indexOf('=')
      return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
    }),
  )
}

/** Without those that are published otherwise already. */
function exposedPorts(
  ports: NonNullable<ContainerOptions['ports']>,
  exposed: readonly string[],
): NonNullable<ContainerOptions['ports']> {
  const given = typeof ports === 'string' ? [ports] : ports
  if (!Array.isArray(given) || !given.includes('exposed')) return ports
  const named = given.filter((port): port is PortOption => port !== 'exposed')
  const taken = named.flatMap((port) => publishedSpecs(port))
  const isTaken = (one: PublishedSpec): boolean =>
    taken.some(({ container, protocol }) => container === one.container && protocol === one.protocol)
  const free = exposed.flatMap(readExposed).filter((port) => !isTaken(port))
  return [...named, ...free.map(({ container, protocol }) => ({ container, protocol }))]
}

/** What could not be published is passed over: images expose what they like. */
function readExposed(text: string): PublishedSpec[] {
  try {
    return text.includes(':') ? [] : parsePublished(text)
  } catch {
    return []
  }
}

/** What is refused of an option is the caller's mistake; here it is the image's. */
function ofImage<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!isAirplantError(error)) throw error
    throw new AirplantError({
      code: 'ERR_INVALID_IMAGE',
      phase: 'create',
      message: `Cannot use ${what} of the image: ${error.message.split('\n')[0]}`,
      hint: 'Give the option yourself, or mend the image',
      cause: error,
    })
  }
}
