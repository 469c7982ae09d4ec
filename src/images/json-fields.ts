import { AirplantError } from '../errors.ts'
import { quoteBriefly } from './quote-briefly.ts'

type Json = Readonly<Record<string, unknown>>

/** What the fields of a foreign document belong to, for messages. */
interface Place {
  /** `'the manifest'`. */
  readonly what: string
  /** Where in the document, `'layers[3].'`; `''` at the top. */
  readonly path: string
}

/**
 * A JSON object from outside, whose fields are read one by one with their type checked. `null` is the same as no field: Go's encoder
 * writes it for empty lists.
 */
export class JsonFields {
  readonly object: Json
  readonly #place: Place

  private constructor(object: Json, place: Place) {
    this.object = object
    this.#place = place
  }

  /**
   * @param what for messages, `'the manifest'`
   * @throws {AirplantError} `ERR_INVALID_IMAGE` when it is not UTF-8, not JSON, not an object, larger than `limit` bytes, or nested deeply
   */
  static parse(bytes: Uint8Array, what: string, limit: number): JsonFields {
    if (bytes.length > limit) throw invalid(what, `it has ${bytes.length} bytes, and ${limit} are the most`)
    let value: unknown
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    } catch (error) {
      // Not as its cause: the parser's message quotes the document.
      throw invalid(what, `it is not JSON (${(error as Error).message})`)
    }
    if (!isObject(value)) throw invalid(what, 'it is not a JSON object')
    // What writes JSON, unlike what reads it, calls itself for each level: the document could be kept and never shown.
    if (isDeeper(value, DEEPEST)) throw invalid(what, `it is nested more than ${DEEPEST} levels deep`)
    return new JsonFields(value, { what, path: '' })
  }

  has(name: string): boolean {
    return this.#get(name) !== undefined
  }

  text(name: string): string | undefined {
    return this.#typed(name, 'a text', (value): value is string => typeof value === 'string')
  }

  flag(name: string): boolean {
    return this.#typed(name, 'true or false', (value): value is boolean => typeof value === 'boolean') ?? false
  }

  /** A whole number from 0. */
  count(name: string): number | undefined {
    return this.#typed(name, 'a whole number from 0', (value): value is number => isCount(value))
  }

  /** Any number. */
  number(name: string): number | undefined {
    return this.#typed(name, 'a number', (value): value is number => typeof value === 'number')
  }

  texts(name: string): readonly string[] | undefined {
    return this.#typed(
      name,
      'a list of texts',
      (value): value is string[] => Array.isArray(value) && value.every(isText),
    )
  }

  /** A list of texts; a single text is a list of one, as Docker reads commands. */
  words(name: string): readonly string[] | undefined {
    const value = this.#get(name)
    return typeof value === 'string' ? [value] : this.texts(name)
  }

  /** Texts by name; `null` as a value is an empty text. */
  textMap(name: string): Readonly<Record<string, string>> | undefined {
    const map = this.fields(name)
    if (!map) return undefined
    return Object.fromEntries(Object.keys(map.object).map((key) => [key, map.text(key) ?? '']))
  }

  fields(name: string): JsonFields | undefined {
    const object = this.#typed(name, 'an object', isObject)
    return object && new JsonFields(object, this.#below(name))
  }

  /** @param most items; more are refused before they are looked at */
  list(name: string, most: number): readonly JsonFields[] | undefined {
    const items = this.#typed(name, 'a list', (value): value is unknown[] => Array.isArray(value))
    if (items && items.length > most) throw this.wrong(name, `has ${items.length} items, and ${most} are the most`)
    return items?.map((item, index) => {
      if (!isObject(item)) throw this.wrong(`${name}[${index}]`, 'is not an object')
      return new JsonFields(item, this.#below(`${name}[${index}]`))
    })
  }

  /** The error for a field of this object. @param problem `'is missing'` */
  wrong(name: string, problem: string): AirplantError {
    return invalid(this.#place.what, `"${this.#place.path}${name}" ${problem}`)
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.object, name) ? (this.object[name] ?? undefined) : undefined
  }

  #typed<T>(name: string, form: string, isRight: (value: unknown) => value is T): T | undefined {
    const value = this.#get(name)
    if (value === undefined || isRight(value)) return value
    throw this.wrong(name, `is ${quoteBriefly(value)}, not ${form}`)
  }

  #below(name: string): Place {
    return { what: this.#place.what, path: `${this.#place.path}${name}.` }
  }
}

/** Levels of lists and objects in each other; those of images have five or six. */
const DEEPEST = 100

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1))
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Names of fields may be of any length. */
const LONGEST_PROBLEM = 600

function invalid(what: string, problem: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_IMAGE',
    message: `Cannot use ${what}: ${problem.length > LONGEST_PROBLEM ? `${problem.slice(0, LONGEST_PROBLEM)}…` : problem}`,
    hint: 'Pull it again, or ask who made the image',
  })
}
