import { readdir, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import * as tls from 'node:tls'
import { refusal } from './refusal.ts'

/** What a connection to one registry is secured with, beside the machine's own authorities. PEM. */
export interface Certificates {
  readonly ca?: string[]
  readonly cert?: string
  readonly key?: string
}

/**
 * Reads what Docker and podman keep for a registry in certs.d: `*.crt` are authorities that are trusted for it, and `*.cert` with the
 * `*.key` of the same name is what we show. The first directory that has anything for the host counts. `{}` where there is none.
 *
 * @param host with its port, as in a reference
 * @throws {AirplantError} `ERR_REGISTRY_AUTH` when a certificate is there and its key cannot be read
 */
export async function readCertificates(host: string, env: NodeJS.ProcessEnv): Promise<Certificates> {
  // The name is a directory: a host never has a slash, but this one may come from a redirect.
  if (!/^[\w.:[\]-]+$/.test(host) || host.startsWith('.')) return {}
  for (const directory of certificateDirectories(env)) {
    const found = await readDirectory(join(directory, host), env)
    if (found) return found
  }
  return {}
}

function certificateDirectories(env: NodeJS.ProcessEnv): string[] {
  const config = env.XDG_CONFIG_HOME ?? join(env.HOME ?? homedir(), '.config')
  return [join(config, 'containers', 'certs.d'), '/etc/containers/certs.d', '/etc/docker/certs.d']
}

async function readDirectory(directory: string, env: NodeJS.ProcessEnv): Promise<Certificates | undefined> {
  const names = await readdir(directory).catch(() => [])
  const authorities = await Promise.all(
    names.filter((name) => name.endsWith('.crt')).map((name) => readText(join(directory, name))),
  )
  const ca = authorities.filter((text) => text !== undefined)
  const certificate = names.sort().find((name) => name.endsWith('.cert'))
  const pair = certificate === undefined ? undefined : await readPair(join(directory, certificate))
  if (ca.length === 0 && !pair) return undefined
  return { ...(ca.length > 0 && { ca: [...(await trusted(env)), ...ca] }), ...pair }
}

async function readPair(path: string): Promise<{ cert: string; key: string } | undefined> {
  const cert = await readText(path)
  if (cert === undefined) return undefined
  const keyPath = path.replace(/\.cert$/, '.key')
  const key = await readText(keyPath)
  if (key !== undefined) return { cert, key }
  throw refusal(
    'ERR_REGISTRY_AUTH',
    `the key "${keyPath}" of its client certificate cannot be read`,
    'Make the key readable for this account, or remove the certificate beside it',
  )
}

/** A list of authorities replaces the machine's, so those are named too. Node 20 does not tell of NODE_EXTRA_CA_CERTS. */
async function trusted(env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const ask = (tls as { getCACertificates?: (kind: 'default') => string[] }).getCACertificates
  if (ask) return ask('default')
  const extra = env.NODE_EXTRA_CA_CERTS ? await readText(env.NODE_EXTRA_CA_CERTS) : undefined
  return extra === undefined ? tls.rootCertificates : [...tls.rootCertificates, extra]
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}
