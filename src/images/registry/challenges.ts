/** One way to authenticate that a registry offers. */
export interface Challenge {
  /** Lower case: `'bearer'`, `'basic'`. */
  readonly scheme: string
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
}

/** Longest header that is looked at; servers with longer ones are not registries. */
const LONGEST = 8192

const token = String.raw`[!#$%&'*+.^_\x60|~0-9A-Za-z-]+`
const quoted = String.raw`"(?:[^"\\]|\\.)*"`
const parameter = new RegExp(`(${token})[ \\t]*=[ \\t]*(${quoted}|[^\\s,"]+)`, 'y')
const scheme = new RegExp(`(${token})(?=[ \\t]|,|$)`, 'y')
// What some schemes have in place of parameters ("Negotiate YII="); nothing here wants it.
const token68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y
const spaces = /[ \t]*/y
const gap = /[\s,]*/y

/**
 * Reads a WWW-Authenticate header (RFC 9110, section 11.6.1): several challenges may stand in one, and commas divide both them and
 * their parameters. What cannot be read ends it; what came before counts.
 *
 * @example
 * parseChallenges('Bearer realm="https://auth.example/token",service="example"')
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = []
  if (header.length > LONGEST) return challenges
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(header)
    if (found) at = pattern.lastIndex
    return found
  }
  let parameters: Map<string, string> | undefined
  for (take(gap); at < header.length; take(gap)) {
    const pair = parameters && take(parameter)
    if (pair) {
      parameters!.set(pair[1]!.toLowerCase(), unquote(pair[2]!))
      continue
    }
    const name = take(scheme)
    if (!name) return challenges
    parameters = new Map()
    challenges.push({ scheme: name[1]!.toLowerCase(), parameters })
    take(spaces)
    if (!isParameter(header, at)) take(token68)
  }
  return challenges
}

function isParameter(header: string, at: number): boolean {
  parameter.lastIndex = at
  return parameter.test(header)
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
}
