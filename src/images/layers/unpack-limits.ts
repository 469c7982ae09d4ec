import { AirplantError } from '../../errors.ts'

/** What a layer, or another archive, may be at most. A blob's digest says that it is what the registry has, not that it is harmless. */
export interface UnpackLimits {
  /** Bytes of content. @default 68_719_476_736 (64 GiB) */
  readonly bytes: number
  /** Files, directories, links. @default 1_000_000 */
  readonly entries: number
  /** How many times larger than the compressed archive it may get, once over `ratioFrom`. @default 200 */
  readonly ratio: number
  /** Bytes after which `ratio` counts: files of zeros compress a thousandfold, and small ones do no harm. @default 1_073_741_824 (1 GiB) */
  readonly ratioFrom: number
  /** Components of a path. @default 256 */
  readonly depth: number
  /** Bytes of the PAX headers and long names of one entry. @default 1_048_576 */
  readonly headerBytes: number
  /** Bytes of memory that a Zstandard frame may ask for. @default 134_217_728 (128 MiB), as in the zstd program */
  readonly windowBytes: number
}

const defaultLimits: UnpackLimits = {
  bytes: 64 * 2 ** 30,
  entries: 1_000_000,
  ratio: 200,
  ratioFrom: 2 ** 30,
  depth: 256,
  headerBytes: 2 ** 20,
  windowBytes: 2 ** 27,
}

/**
 * The limits of `AIRPLANT_UNPACK_LIMITS` (`"entries=5000000,bytes=200000000000"`), else the defaults; `given` goes before both.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function unpackLimits(env: NodeJS.ProcessEnv, given: Partial<UnpackLimits> = {}): UnpackLimits {
  const fromEnv = parse(env['AIRPLANT_UNPACK_LIMITS'] ?? '')
  const limits = { ...defaultLimits, ...fromEnv, ...defined(given) }
  for (const [name, value] of Object.entries(limits)) check(`limits.${name}`, value)
  return limits
}

function parse(text: string): Partial<UnpackLimits> {
  const parts = text.split(',').filter((part) => part.trim() !== '')
  return Object.fromEntries(
    parts.map((part) => {
      const [name = '', value = ''] = part.split('=').map((each) => each.trim())
      if (!Object.hasOwn(defaultLimits, name)) {
        throw invalid(`AIRPLANT_UNPACK_LIMITS: ${JSON.stringify(name)} is no limit`)
      }
      check(`AIRPLANT_UNPACK_LIMITS: ${name}`, value === '' ? NaN : Number(value))
      return [name, Number(value)]
    }),
  )
}

function defined(given: Partial<UnpackLimits>): Partial<UnpackLimits> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function check(name: string, value: unknown): void {
  if (typeof value === 'number' && value >= 1) return
  throw invalid(`${name} is not a number from 1 up`)
}

function invalid(reason: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Cannot unpack: ${reason}`,
    phase: 'unpack',
    hint: `Limits are ${Object.keys(defaultLimits).join(', ')}, each a number`,
  })
}
