import { AirplantError } from '../../../errors.ts'
import { quoteBriefly } from '../../quote-briefly.ts'
import { isObject, parseAuthFile, parseDocument } from './auth-file.ts'
import { dockerConfigPath } from './auth-file-paths.ts'
import { askHelper, eraseFromHelper, storeInHelper } from './credential-helper.ts'
import type { Credentials } from './credentials.ts'
import { encodeEntry } from './decode-entry.ts'
import { readAuthFile } from './read-auth-file.ts'
import { canonicalKey, parseRegistryKey } from './registry-key.ts'
import type { HelperOptions } from './run-helper.ts'
import { writeAuthFile } from './write-auth-file.ts'

/**
 * Keeps the credentials of a login where Docker would: in the helper that docker's config.json names, else in that file.
 *
 * @param registry host, or its address as `docker login` takes it
 * @returns where they are now, for a message: the name of the helper, or the path
 * @throws {AirplantError} `ERR_REGISTRY_AUTH`, `ERR_CREDENTIAL_HELPER`, `ERR_INVALID_OPTION`, `ERR_ABORTED`
 */
export async function storeCredentials(
  registry: string,
  credentials: Credentials,
  options: HelperOptions,
): Promise<string> {
  const host = hostOf(registry)
  const config = await DockerConfig.read(options.env)
  const key = canonicalKey(host)
  const helper = config.helperOf(host)
  if (helper) {
    await storeInHelper(helper, key, credentials, options)
    // An older login must not stay behind in plain text; Docker lists the registry in the file all the same.
    config.remove(host)
    config.set(key, {})
  } else {
    config.set(key, encodeEntry(credentials))
  }
  await config.write()
  return helper ? `docker-credential-${helper}` : config.path
}

/**
 * Forgets the credentials of a registry, in the helper and under every spelling in docker's config.json.
 *
 * @returns whether there were any
 * @throws {AirplantError} `ERR_REGISTRY_AUTH`, `ERR_CREDENTIAL_HELPER`, `ERR_INVALID_OPTION`, `ERR_ABORTED`
 */
export async function eraseCredentials(registry: string, options: HelperOptions): Promise<boolean> {
  const host = hostOf(registry)
  const config = await DockerConfig.read(options.env)
  const helper = config.helperOf(host)
  const kept = helper ? (await askHelper(helper, canonicalKey(host), options)) !== undefined : false
  if (helper && kept) await eraseFromHelper(helper, canonicalKey(host), options)
  const written = config.remove(host)
  if (written) await config.write()
  return kept || written
}

/** Docker's config.json as a document: what is not ours stays as it is, in its order. */
class DockerConfig {
  readonly path: string
  readonly #text: string
  readonly #document: Record<string, unknown>

  private constructor(path: string, text: string) {
    this.path = path
    this.#text = text
    this.#document = parseDocument(text, path)
  }

  static async read(env: NodeJS.ProcessEnv): Promise<DockerConfig> {
    const path = dockerConfigPath(env)
    return new DockerConfig(path, (await readAuthFile(path)) ?? '')
  }

  helperOf(host: string): string | undefined {
    const { credHelpers, credsStore } = parseAuthFile(this.#text, this.path)
    return credHelpers.find(([key]) => isWhole(key, host))?.[1] || credsStore
  }

  set(key: string, entry: Record<string, string>): void {
    this.#document.auths ??= {}
    if (isObject(this.#document.auths)) this.#document.auths[key] = entry
  }

  remove(host: string): boolean {
    const { auths } = this.#document
    if (!isObject(auths)) return false
    const keys = Object.keys(auths).filter((key) => isWhole(key, host))
    for (const key of keys) delete auths[key]
    return keys.length > 0
  }

  async write(): Promise<void> {
    const [, indent = '\t'] = /^\s*\{\r?\n([ \t]+)/.exec(this.#text) ?? []
    const end = /\n$/.test(this.#text) ? '\n' : ''
    await writeAuthFile(this.path, JSON.stringify(this.#document, null, indent) + end)
  }
}

/** Whether the key is for all of the registry, not for a prefix in it. */
function isWhole(key: string, registry: string): boolean {
  const { host, path } = parseRegistryKey(key)
  return host === registry && path === ''
}

function hostOf(registry: string): string {
  const { host } = parseRegistryKey(registry)
  if (/^[a-z0-9[][a-z0-9.:[\]-]*$/.test(host)) return host
  const message = `Cannot use ${quoteBriefly(registry)} as a registry: not a host`
  throw new AirplantError({ code: 'ERR_INVALID_OPTION', message, hint: 'Write "host" or "host:port"' })
}
