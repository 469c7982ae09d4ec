import { AirplantError } from '../../errors.ts'
import { quoteBriefly } from '../quote-briefly.ts'
import { healthcheckOf } from './healthcheck-instruction.ts'
import { splitWords } from './split-words.ts'

type Config = Record<string, unknown>

/**
 * Changes the `config` of an image by instructions as in a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME,
 * WORKDIR, for `commit --change` and `import --change`.
 *
 * @returns the changed one; the given one stays as it is
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 *
 * @example
 * applyChanges({ Cmd: ['sh'] }, ['ENV LANG=C.UTF-8', 'CMD ["postgres"]', 'EXPOSE 5432'])
 */
export function applyChanges(config: Readonly<Config>, changes: readonly string[]): Config {
  const changed: Config = { ...config }
  const done = new Set<string>()
  for (const text of changes) {
    const [, word = '', rest = ''] = /^\s*(\S+)\s*([^]*?)\s*$/.exec(text) ?? []
    const name = word.toUpperCase()
    const change = Object.hasOwn(instructions, name) ? instructions[name] : undefined
    if (!change) {
      throw invalid(text, 'it is none of the instructions', `Use ${Object.keys(instructions).join(', ')}`)
    }
    if (rest === '') throw invalid(text, 'it says nothing', `Write what ${name} is to be`)
    change(changed, rest, text)
    // As in a Dockerfile: the program's default arguments were meant for another program.
    if (name === 'ENTRYPOINT' && !done.has('CMD')) delete changed['Cmd']
    done.add(name)
  }
  return changed
}

type Change = (config: Config, rest: string, text: string) => void

const instructions: Readonly<Record<string, Change>> = {
  CMD: (config, rest, text) => (config['Cmd'] = command(rest, text)),
  ENTRYPOINT: (config, rest, text) => (config['Entrypoint'] = command(rest, text)),
  ENV: (config, rest, text) => {
    const env = new Map((texts(config['Env']) ?? []).map((entry) => [entry.split('=')[0]!, entry]))
    for (const [name, value] of pairs(rest, text)) env.set(name, `${name}=${value}`)
    config['Env'] = [...env.values()]
  },
  EXPOSE: (config, rest, text) =>
    addKeys(
      config,
      'ExposedPorts',
      splitWords(rest).flatMap((word) => ports(word, text)),
    ),
  HEALTHCHECK: (config, rest, text) => {
    const check = healthcheckOf(rest, (command) => list(command, text))
    if (typeof check === 'string') throw invalid(text, check, 'Write HEALTHCHECK --interval=5s CMD program, or NONE')
    config['Healthcheck'] = check
  },
  LABEL: (config, rest, text) => {
    config['Labels'] = { ...(config['Labels'] as object | undefined), ...Object.fromEntries(pairs(rest, text)) }
  },
  STOPSIGNAL: (config, rest) => (config['StopSignal'] = rest),
  USER: (config, rest) => (config['User'] = rest),
  VOLUME: (config, rest, text) => addKeys(config, 'Volumes', list(rest, text) ?? splitWords(rest)),
  WORKDIR: (config, rest) => {
    const base = typeof config['WorkingDir'] === 'string' && config['WorkingDir'] !== '' ? config['WorkingDir'] : '/'
    config['WorkingDir'] = rest.startsWith('/') ? rest : `${base.replace(/\/$/, '')}/${rest}`
  },
}

/** A JSON list is executed as it is, anything else by a shell. */
function command(rest: string, text: string): string[] {
  return list(rest, text) ?? ['/bin/sh', '-c', rest]
}

function list(rest: string, text: string): string[] | undefined {
  if (!rest.startsWith('[')) return undefined
  try {
    const items = texts(JSON.parse(rest))
    if (items) return items
  } catch {
    // Said below.
  }
  throw invalid(text, 'its list is not one of texts in JSON', 'Write it as in CMD ["program", "argument"]')
}

function texts(value: unknown): string[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined
}

/** `A=1 B="two words"`, or the old form with one name: `A the rest`. */
function pairs(rest: string, text: string): [string, string][] {
  const words = splitWords(rest)
  if (!words[0]?.includes('=')) {
    const [, name = '', value] = /^(\S+)\s+([^]*)$/.exec(rest) ?? []
    if (value === undefined) throw invalid(text, 'it has a name and no value', 'Write name=value')
    return [[name, value]]
  }
  return words.map((word) => {
    const at = word.indexOf('=')
    if (at > 0) return [word.slice(0, at), word.slice(at + 1)]
    throw invalid(text, `${quoteBriefly(word)} has no name and value`, 'Write name=value, with quotes around blanks')
  })
}

function ports(word: string, text: string): string[] {
  const [, first = '', last = first, protocol = 'tcp'] =
    /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(word) ?? []
  const [from, to] = [Number(first), Number(last)]
  if (first === '' || from < 1 || to > 65_535 || to < from) {
    throw invalid(text, `${quoteBriefly(word)} is no port`, 'Write 80, 53/udp or 8000-8010')
  }
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}/${protocol.toLowerCase()}`)
}

function addKeys(config: Config, name: string, keys: readonly string[]): void {
  config[name] = { ...(config[name] as object | undefined), ...Object.fromEntries(keys.map((key) => [key, {}])) }
}

function invalid(text: string, reason: string, hint: string): AirplantError {
  const message = `Cannot use ${quoteBriefly(text)} as a change: ${reason}`
  return new AirplantError({ code: 'ERR_INVALID_OPTION', message, phase: 'commit', hint })
}
