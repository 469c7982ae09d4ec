import { usageError } from './usage-error.ts'

/**
 * Fills a template as docker's `--format` takes them. Of Go's language it knows fields (`{{.Config.Env}}`), `json`, `join`, `index`, `len`,
 * `lower` and `upper`; a `\t` or `\n` that is written so becomes one.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION` for what it does not know, and for a first field that is not there
 * @example
 * fillTemplate('{{.Repository}}:{{.Tag}}', { Repository: 'postgres', Tag: '17' }) // 'postgres:17'
 */
export function fillTemplate(template: string, document: Readonly<Record<string, unknown>>): string {
  const text = template.replaceAll('\\t', '\t').replaceAll('\\n', '\n')
  return text.replace(/\{\{(.*?)\}\}/gs, (whole, action: string) => {
    const words = action.trim().match(/"(?:[^"\\]|\\.)*"|[^\s"]+/g) ?? []
    const [first = '', ...rest] = words
    if (first.startsWith('.') && rest.length === 0) return show(take(document, first, whole))
    const call = Object.hasOwn(functions, first) ? functions[first] : undefined
    if (!call) throw unknown(whole)
    const values = rest.map((word) => (word.startsWith('.') ? take(document, word, whole) : literal(word, whole)))
    return call(values, whole)
  })
}

const functions: Readonly<Record<string, (values: readonly unknown[], whole: string) => string>> = {
  json: ([value]) => JSON.stringify(value ?? null),
  join: ([list, separator], whole) => {
    if (!Array.isArray(list)) throw unknown(whole)
    return list.map(show).join(typeof separator === 'string' ? separator : '')
  },
  index: ([value, ...keys]) =>
    show(keys.reduce((inner, key) => (inner as Record<string, unknown> | undefined)?.[String(key)], value)),
  len: ([value]) => String(typeof value === 'string' ? value.length : Object.keys((value as object) ?? {}).length),
  lower: ([value]) => show(value).toLowerCase(),
  upper: ([value]) => show(value).toUpperCase(),
}

function take(document: Readonly<Record<string, unknown>>, path: string, whole: string): unknown {
  if (path === '.') return document
  const [first = '', ...inner] = path.slice(1).split('.')
  if (!/^\w+$/.test(first)) throw unknown(whole)
  if (!Object.hasOwn(document, first)) {
    throw usageError(
      `Cannot use the template "${whole}": there is no "${first}"`,
      `There are: ${Object.keys(document).join(', ')}`,
    )
  }
  return inner.reduce<unknown>((value, name) => {
    const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    return isObject ? (value as Record<string, unknown>)[name] : undefined
  }, document[first])
}

function literal(word: string, whole: string): unknown {
  try {
    return JSON.parse(word)
  } catch {
    throw unknown(whole)
  }
}

/** As Go prints values. */
function show(value: unknown): string {
  if (value === undefined || value === null) return '<no value>'
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`
  if (typeof value !== 'object') return typeof value === 'string' ? value : JSON.stringify(value)
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `map[${entries.map(([name, inner]) => `${name}:${show(inner)}`).join(' ')}]`
}

function unknown(whole: string): Error {
  return usageError(
    `Cannot use the template "${whole}": only fields, json, join, index, len, lower and upper are supported`,
    'Write --format json, and take out what you need with jq or node -p',
  )
}
