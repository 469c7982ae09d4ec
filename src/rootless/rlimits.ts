import { AirplantError } from '../errors.ts'
import { closestName } from './closest-name.ts'

/** Resource limits in the order of their numbers, the same on x86-64 and arm64 (asm-generic/resource.h). */
export const rlimitNames = [
  'cpu',
  'fsize',
  'data',
  'stack',
  'core',
  'rss',
  'nproc',
  'nofile',
  'memlock',
  'as',
  'locks',
  'sigpending',
  'msgqueue',
  'nice',
  'rtprio',
  'rttime',
] as const

/** Name of a resource limit, as in setrlimit(2) without `RLIMIT_`. */
export type RlimitName = (typeof rlimitNames)[number]

/** A limit as the kernel takes it. */
export interface Rlimit {
  readonly resource: number
  /** Unit by resource (bytes, seconds, microseconds, count); {@link unlimited} for none. */
  readonly soft: bigint
  readonly hard: bigint
}

/** One limit: a number, `'unlimited'`, or -1, which means the same. */
export type RlimitValue = number | bigint | 'unlimited'

/** Limits by name: one value for both, or soft and hard. */
export type RlimitOptions = { readonly [Name in RlimitName]?: RlimitValue | { soft: RlimitValue; hard?: RlimitValue } }

/** RLIM_INFINITY. */
export const unlimited = 2n ** 64n - 1n

/**
 * Reads a limit in the form of `docker run --ulimit`: `name=soft[:hard]`.
 *
 * @throws AirplantError `ERR_INVALID_OPTION`
 * @example
 * parseUlimit('nofile=1024:2048') // { resource: 7, soft: 1024n, hard: 2048n }
 */
export function parseUlimit(text: string): Rlimit {
  const match = /^([^=:]+)=([^=:]+)(?::([^=:]+))?$/.exec(text.trim())
  if (!match) throw invalid(`Invalid ulimit "${text}"`, 'Write it as "nofile=1024" or "nofile=1024:2048"')
  const [, name = '', soft = '', hard = soft] = match
  return rlimit(name, soft, hard)
}

/**
 * Reads limits given as an object.
 *
 * @throws AirplantError `ERR_INVALID_OPTION`
 * @example
 * parseRlimits({ nofile: { soft: 1024, hard: 2048 }, core: 0 })
 */
export function parseRlimits(options: RlimitOptions): Rlimit[] {
  return Object.entries(options).map(([name, value]) => {
    if (typeof value !== 'object' || value === null) return rlimit(name, value, value)
    return rlimit(name, value.soft, value.hard ?? value.soft)
  })
}

function rlimit(name: string, softValue: unknown, hardValue: unknown): Rlimit {
  const resource = resourceOf(name)
  const soft = limitOf(name, softValue)
  const hard = limitOf(name, hardValue)
  if (soft > hard) {
    throw invalid(
      `Soft limit ${String(softValue)} of "${name}" is above its hard limit ${String(hardValue)}`,
      'Lower the soft limit or raise the hard one',
    )
  }
  return { resource, soft, hard }
}

function resourceOf(name: string): number {
  const lower = name.toLowerCase().replace(/^rlimit_/, '')
  const resource = (rlimitNames as readonly string[]).indexOf(lower)
  if (resource >= 0) return resource
  const closest = closestName(lower, rlimitNames)
  throw invalid(
    `Unknown resource limit "${name}"`,
    closest ? `Did you mean "${closest}"?` : `Write one of ${rlimitNames.join(', ')}`,
  )
}

function limitOf(name: string, value: unknown): bigint {
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value
  if (text === '-1' || text === 'unlimited') return unlimited
  const limit = typeof text === 'string' && /^\d+$/.test(text) ? BigInt(text) : -1n
  if (limit >= 0n && limit <= unlimited) return limit
  throw invalid(
    `Limit ${JSON.stringify(text) ?? 'undefined'} of "${name}" is not a number`,
    'Write a whole number, or "unlimited"',
  )
}

function invalid(message: string, hint: string): AirplantError {
  return new AirplantError({ code: 'ERR_INVALID_OPTION', message, hint })
}
