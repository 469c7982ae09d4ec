import type { AuthFile } from './auth-file.ts'
import { parseAuthFile } from './auth-file.ts'
import { authFilePaths } from './auth-file-paths.ts'
import { askHelper } from './credential-helper.ts'
import type { Credentials } from './credentials.ts'
import { decodeEntry } from './decode-entry.ts'
import { readAuthFile } from './read-auth-file.ts'
import { canonicalKey, matchLength } from './registry-key.ts'
import type { HelperOptions } from './run-helper.ts'

/** Where {@link findCredentials} looks. */
export interface FindOptions extends HelperOptions {
  /** Credentials that the caller gave, by registry or `registry/prefix`: asked first, so that none goes to a host it is not meant for. */
  readonly credentials?: Readonly<Record<string, Credentials>> | undefined
  /** @default the process's */
  readonly uid?: number | undefined
}

/**
 * Looks for the credentials of a repository: those given by the caller, `DOCKER_AUTH_CONFIG`, docker's config.json, then
 * `REGISTRY_AUTH_FILE` and the auth.json files of podman and skopeo. The first place that has some wins; within a place the longest prefix,
 * and at the same length a helper before the file. Ask only once a registry wants credentials: a helper is a process, and may ask the user.
 *
 * @param registry the host, with its port, as in a reference
 * @returns undefined when there are none: the pull is anonymous
 * @throws {AirplantError} `ERR_REGISTRY_AUTH` for a file that is broken or cannot be read, `ERR_CREDENTIAL_HELPER`, `ERR_ABORTED`
 * @example
 * const credentials = await findCredentials('ghcr.io', 'team/app', { env: process.env })
 */
export async function findCredentials(
  registry: string,
  repository: string,
  options: FindOptions,
): Promise<Credentials | undefined> {
  const { env, credentials = {}, uid } = options
  const [given] = matching(Object.entries(credentials), registry, repository)
  if (given) return given.value
  if (env.DOCKER_AUTH_CONFIG?.trim()) {
    const file = parseAuthFile(env.DOCKER_AUTH_CONFIG, 'DOCKER_AUTH_CONFIG')
    const found = await findInFile(file, registry, repository, options)
    if (found) return found
  }
  for (const { path, required } of authFilePaths(env, uid)) {
    const text = await readAuthFile(path, required)
    const found = text && (await findInFile(parseAuthFile(text, path), registry, repository, options))
    if (found) return found
  }
  return undefined
}

async function findInFile(
  file: AuthFile,
  registry: string,
  repository: string,
  options: HelperOptions,
): Promise<Credentials | undefined> {
  const [helper] = matching(file.credHelpers, registry, repository)
  // Docker's order: a registry's own helper, else the store.
  const name = helper?.value || file.credsStore
  const length = helper?.length ?? 0
  const entries = matching(file.auths, registry, repository)
  const decode = (which: (entry: Match<unknown>) => boolean): Credentials | undefined =>
    first(entries.filter(which), ({ key, value }) => decodeEntry(value, key, file.source))
  return (
    decode((entry) => entry.length > length) ??
    (name ? await askHelper(name, canonicalKey(registry), options) : undefined) ??
    decode((entry) => entry.length <= length)
  )
}

interface Match<Value> {
  readonly key: string
  readonly value: Value
  readonly length: number
}

/** The entries that are for this repository, best first. */
function matching<Value>(
  entries: readonly (readonly [string, Value])[],
  registry: string,
  repository: string,
): Match<Value>[] {
  const canonical = canonicalKey(registry)
  return entries
    .flatMap(([key, value]) => {
      const length = matchLength(key, registry, repository)
      return length === undefined ? [] : [{ key, value, length }]
    })
    .sort((a, b) => b.length - a.length || Number(b.key === canonical) - Number(a.key === canonical))
}

function first<Item, Result>(items: readonly Item[], take: (item: Item) => Result | undefined): Result | undefined {
  for (const item of items) {
    const result = take(item)
    if (result !== undefined) return result
  }
  return undefined
}
