import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { distributionFamily, installCommands, UIDMAP_PACKAGE } from '../distribution.ts'
import type { IdRange } from './extents.ts'
import { FULL_COUNT, suggestStart } from './free-range.ts'
import { chooseIdMapping } from './id-mapping.ts'
import type { IdMapping, IdMappingInput, IdMode, UidsAndGids } from './id-mapping.ts'
import * as parse from './subordinate-ids.ts'

// The map of a machine without user namespaces around us, for where /proc is not there to say so.
const ALL_IDS = '0 0 4294967295'

/**
 * Reads what this machine allows and chooses the mapping of containers' IDs. Synchronous and without a child process unless the
 * subordinate IDs are not in the files: every start waits for it.
 *
 * @throws {AirplantError} `ERR_ID_MAPPING` as {@link chooseIdMapping} does
 * @example
 * const { method, uids } = readIdMapping('auto', process.env)
 */
export function readIdMapping(mode: IdMode, env: NodeJS.ProcessEnv): IdMapping {
  return chooseIdMapping(readIdMappingInput(mode, env))
}

/** The facts for {@link chooseIdMapping}, from this machine's files. */
export function readIdMappingInput(mode: IdMode, env: NodeJS.ProcessEnv): IdMappingInput {
  const uid = process.getuid?.() ?? -1
  const gid = process.getgid?.() ?? -1
  const account = readAccount()
  const texts = { uids: readText('/etc/subuid'), gids: readText('/etc/subgid') }
  const programs = uid === 0 ? {} : findPrograms(env)
  const subordinate =
    uid === 0 ? rangesOfRoot(texts) : rangesOfUser(texts, account?.name, uid, programs.newuidmap !== undefined, env)
  const lacksRanges = sum(subordinate.uids) < FULL_COUNT || sum(subordinate.gids) < FULL_COUNT
  return {
    mode,
    uid,
    gid,
    name: account?.name,
    accountGid: account?.gid,
    noNewPrivs: readText('/proc/self/status').includes('\nNoNewPrivs:\t1\n'),
    newuidmap: programs.newuidmap,
    newgidmap: programs.newgidmap,
    subordinate,
    available: {
      uids: parse.parseIdMap(readText('/proc/self/uid_map') || ALL_IDS),
      gids: parse.parseIdMap(readText('/proc/self/gid_map') || ALL_IDS),
    },
    isNestedRoot: uid === 0 && /^ *0 +[1-9]/.test(readText('/proc/self/uid_map')),
    occupied: uid === 0 && lacksRanges ? readOccupied(texts) : { uids: [], gids: [] },
    ...(lacksRanges
      ? { suggestedStart: suggestStart(Object.values(texts).flatMap(parse.parseSubordinateEntries)) }
      : {}),
    ...(uid === 0 || (programs.newuidmap && programs.newgidmap) ? {} : { installCommand: installCommand() }),
  }
}

/** The first file of that name in the directories of PATH that may be executed, undefined when there is none. */
export function findOnPath(name: string, path: string | undefined): string | undefined {
  for (const directory of (path || '/usr/local/bin:/usr/bin:/bin').split(delimiter)) {
    if (!directory.startsWith('/')) continue
    const candidate = join(directory, name)
    if (isProgram(candidate)) return candidate
  }
  return undefined
}

function isProgram(path: string): boolean {
  try {
    const stat = statSync(path, { throwIfNoEntry: false })
    return stat !== undefined && stat.isFile() && (stat.mode & 0o111) !== 0
  } catch {
    return false // a directory that is not ours to enter, as PATH holds after su
  }
}

function findPrograms(env: NodeJS.ProcessEnv): { newuidmap?: string | undefined; newgidmap?: string | undefined } {
  const newuidmap = findOnPath('newuidmap', env.PATH)
  const sibling = newuidmap && join(dirname(newuidmap), 'newgidmap')
  return { newuidmap, newgidmap: sibling && isProgram(sibling) ? sibling : findOnPath('newgidmap', env.PATH) }
}

function rangesOfRoot(texts: UidsAndGids<string>): UidsAndGids<IdRange[]> {
  const own = {
    uids: parse.parseSubordinateIds(texts.uids, 'root', 0),
    gids: parse.parseSubordinateIds(texts.gids, 'root', 0),
  }
  if (own.uids.length > 0 && own.gids.length > 0) return own
  // Podman's convention for root: an account's name that needs not exist (containers-storage.conf(5), auto-userns).
  const shared = (text: string): IdRange[] =>
    parse.parseSubordinateEntries(text).filter(({ owner }) => owner === 'containers')
  return { uids: shared(texts.uids), gids: shared(texts.gids) }
}

function rangesOfUser(
  texts: UidsAndGids<string>,
  name: string | undefined,
  uid: number,
  isUseful: boolean,
  env: NodeJS.ProcessEnv,
): UidsAndGids<IdRange[]> {
  const inFiles = {
    uids: parse.parseSubordinateIds(texts.uids, name, uid),
    gids: parse.parseSubordinateIds(texts.gids, name, uid),
  }
  const isComplete = inFiles.uids.length > 0 && inFiles.gids.length > 0
  if (!isUseful || (isComplete && !parse.usesOtherSource(readText('/etc/nsswitch.conf')))) return inFiles
  const getsubids = findOnPath('getsubids', env.PATH)
  if (getsubids === undefined || name === undefined) return inFiles
  return { uids: askGetsubids(getsubids, [name]), gids: askGetsubids(getsubids, ['-g', name]) }
}

// The ranges may come from a plug-in of the name service (sssd, FreeIPA) that only libsubid can ask.
function askGetsubids(program: string, args: string[]): IdRange[] {
  const { error, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 5000 })
  return error ? [] : parse.parseGetsubids(stdout)
}

function readOccupied(texts: UidsAndGids<string>): UidsAndGids<IdRange[]> {
  return {
    uids: [...parse.parseSubordinateEntries(texts.uids), ...parse.parseAccountIds(readText('/etc/passwd'))],
    gids: [...parse.parseSubordinateEntries(texts.gids), ...parse.parseAccountIds(readText('/etc/group'))],
  }
}

function installCommand(): string {
  return installCommands(distributionFamily(readText('/etc/os-release')), UIDMAP_PACKAGE).join('\n')
}

function readAccount(): { name: string; gid: number } | undefined {
  try {
    const { username, gid } = userInfo()
    return { name: username, gid }
  } catch {
    return undefined // no entry for this user ID: usual in OpenShift pods
  }
}

function sum(ranges: readonly IdRange[]): number {
  return ranges.reduce((total, { count }) => total + count, 0)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
