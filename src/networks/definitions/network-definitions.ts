import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { AirplantError } from '../../errors.ts'
import { holdLock } from '../../rootless/hold-lock.ts'
import type { HeldLock } from '../../rootless/hold-lock.ts'
import type { Session } from '../../rootless/session.ts'
import { prepareDirectory } from '../../rootless/state-directory.ts'
import { writeAtomically } from '../network-record.ts'
import type { NetworkDefinition } from './network-definition.ts'
import { parseDefinition } from './network-definition.ts'

/** No definition comes near to it, unless somebody else wrote it. */
const MOST_BYTES = 1024 * 1024

const SUFFIX = '.json'

/** The definitions of networks in one state directory: a file each. */
export class NetworkDefinitions {
  readonly directory: string
  readonly #state: string

  /** @param state the state directory */
  constructor(state: string) {
    this.#state = state
    this.directory = join(state, 'networks')
  }

  /** All of them by name. What is damaged is not among them. */
  list(): NetworkDefinition[] {
    return entries(this.directory)
      .filter((entry) => entry.endsWith(SUFFIX))
      .sort()
      .flatMap((entry) => this.find(entry.slice(0, -SUFFIX.length)) ?? [])
  }

  find(name: string): NetworkDefinition | undefined {
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) return undefined
    const text = readPlainFile(this.#path(name))
    return text === undefined ? undefined : parseDefinition(text, name)
  }

  /** Writes one, in place of what has the name. Only who holds the {@link NetworkDefinitions.lock} may. */
  write(definition: NetworkDefinition): void {
    try {
      writeAtomically(this.#path(definition.name), JSON.stringify(definition))
    } catch (cause) {
      const { code = '' } = cause as NodeJS.ErrnoException
      const isFull = code === 'ENOSPC' || code === 'EDQUOT'
      throw new AirplantError({
        code: isFull ? 'ERR_DISK_FULL' : 'ERR_FILE_FAILED',
        message: `Cannot write down network "${definition.name}" in "${this.directory}": ${code}`,
        hint: isFull ? 'Free space there' : 'Look whose directory it is, or set AIRPLANT_STATE_DIR to one of your own',
        cause,
      })
    }
  }

  remove(name: string): void {
    rmSync(this.#path(name), { force: true })
  }

  /** Holds the lock that everybody holds who changes definitions, or makes networks of them. Makes the directory. */
  async lock(session: Session): Promise<HeldLock> {
    prepareDirectory(this.#state, 'networks', session.mapping.rootUid)
    return (await holdLock(session, join(this.directory, 'lock')))!
  }

  #path(name: string): string {
    return join(this.directory, `${name}${SUFFIX}`)
  }
}

/** The text of a small file that is neither a link nor a pipe; undefined when there is none. */
export function readPlainFile(path: string): string | undefined {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
  try {
    const stat = fstatSync(file)
    return stat.isFile() && stat.size <= MOST_BYTES ? readFileSync(file, 'utf8') : undefined
  } finally {
    closeSync(file)
  }
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
