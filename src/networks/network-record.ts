import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * What the session directory says of a network, for every process that uses the session: a few small files, so that a container that joins
 * needs nobody's answer. Texts of addresses, because JSON has no large numbers.
 */
export interface NetworkRecord {
  /** Twelve hexadecimal digits. */
  readonly id: string
  readonly name: string
  readonly subnet: string
  readonly gateway: string
  readonly subnet6: string | undefined
  readonly gateway6: string | undefined
  readonly internal: boolean
  readonly labels: Readonly<Record<string, string>>
  /** ISO 8601. */
  readonly created: string
  /** The keeper's handle of the process that holds the network. */
  readonly handle: number
}

/** Directories and files of one network below its session's directory. */
export interface NetworkPaths {
  readonly root: string
  readonly record: string
  /** The subnets, before the network is there: another one that is made at the same time must not choose them. */
  readonly planned: string
  /** A link for each address in use, to its holder. */
  readonly addresses: string
  /** A file for each member that has names. */
  readonly members: string
  /** A link for each container's name, to its holder. */
  readonly names: string
  /** A file for each member with a way out. */
  readonly outward: string
  readonly egress: string
}

export function networkPaths(session: string, name: string): NetworkPaths {
  const root = join(session, 'networks', name)
  const at = (part: string): string => join(root, part)
  return {
    ...{
      root,
      record: at('network.json'),
      planned: at('planned.json'),
      addresses: at('addresses'),
      members: at('members'),
    },
    ...{ names: at('names'), outward: at('outward'), egress: at('egress.json') },
  }
}

/** Takes a network's name; false when somebody has it. */
export function claimNetwork(paths: NetworkPaths): boolean {
  const parent = dirname(paths.root)
  const { uid, gid } = statSync(dirname(parent))
  // Real root's keeper is another user, who has to remove it all at the session's end.
  const make = (path: string): void => {
    mkdirSync(path, 0o700)
    if (uid !== process.geteuid?.()) chownSync(path, uid, gid)
  }
  try {
    if (!existsSync(parent)) make(parent)
  } catch (error) {
    // Another network is made at the same time.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  try {
    make(paths.root)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  for (const directory of [paths.addresses, paths.members, paths.names, paths.outward]) make(directory)
  return true
}

/** Makes the network known to all processes of the session. */
export function writeRecord(paths: NetworkPaths, record: NetworkRecord): void {
  writeAtomically(paths.record, JSON.stringify(record))
}

/** The network of that name; undefined while there is none. */
export function readRecord(paths: NetworkPaths): NetworkRecord | undefined {
  return readJson(paths.record) as NetworkRecord | undefined
}

/** Gives the name back. */
export function forgetNetwork(paths: NetworkPaths): void {
  rmSync(paths.root, { recursive: true, force: true })
}

/** Names and subnets of a session's networks, also of those that are being made. */
export function listPlanned(session: string): { readonly name: string; readonly subnets: readonly string[] }[] {
  return entriesOf(join(session, 'networks')).flatMap((name) => {
    const subnets = readJson(networkPaths(session, name).planned) as string[] | undefined
    return subnets ? [{ name, subnets }] : []
  })
}

/** All networks of a session, by name. */
export function listRecords(session: string): NetworkRecord[] {
  return entriesOf(join(session, 'networks'))
    .sort()
    .map((name) => readRecord(networkPaths(session, name)))
    .filter((record) => record !== undefined)
}

/** Names in a directory; none when it is not there. */
export function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

/** Nobody ever reads half of it. */
export function writeAtomically(path: string, text: string): void {
  writeFileSync(`${path}.${process.pid}`, text, { mode: 0o600 })
  renameSync(`${path}.${process.pid}`, path)
}

/** What such a file says; undefined when it is not there. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
