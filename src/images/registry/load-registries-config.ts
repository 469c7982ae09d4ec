import { readFile } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import { AirplantError } from '../../errors.ts'
import { homeDirectory } from '../../rootless/home-directory.ts'
import { parseHost } from '../parse-host.ts'
import { dockerHub } from '../reference.ts'
import { checkLocation, parsePrefix, parseRegistries } from './parse-registries.ts'
import type { RegistriesConfig, RegistrySettings } from './registries-config.ts'

/**
 * Reads the configuration of registries. The file is `AIRPLANT_REGISTRIES`, else `$XDG_CONFIG_HOME/airplant/registries.json` (by default in
 * `~/.config`), else for real root /etc/airplant/registries.json. `AIRPLANT_REGISTRY_MIRROR` adds mirrors (`docker.io=http://127.0.0.1:5000`,
 * or only an URL for Docker Hub; several with commas), `AIRPLANT_INSECURE_REGISTRIES` hosts that may be asked insecurely.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`, which names the file or variable and the key
 */
export async function loadRegistriesConfig(
  env: NodeJS.ProcessEnv,
  uid = process.geteuid?.() ?? -1,
): Promise<RegistriesConfig> {
  const registries = await readRegistries(env, uid)
  const insecure = registries.filter((settings) => settings.insecure && !settings.prefix.includes('/'))
  return {
    registries,
    mirrors: listed(env.AIRPLANT_REGISTRY_MIRROR).map((text) => parseMirror(text)),
    insecureHosts: [
      ...listed(env.AIRPLANT_INSECURE_REGISTRIES).map((text) => parseInsecureHost(text)),
      ...insecure.map(({ prefix }) => prefix),
    ],
  }
}

async function readRegistries(env: NodeJS.ProcessEnv, uid: number): Promise<RegistrySettings[]> {
  const { AIRPLANT_REGISTRIES: chosen, XDG_CONFIG_HOME: config } = env
  const base = config && isAbsolute(config) ? config : join(homeDirectory(env), '.config')
  const own = join(base, 'airplant', 'registries.json')
  const paths = chosen ? [resolve(chosen)] : [own, ...(uid === 0 ? ['/etc/airplant/registries.json'] : [])]
  for (const path of paths) {
    const text = await readConfig(path, chosen !== undefined && chosen !== '')
    if (text !== undefined) return parseRegistries(text, path)
  }
  return []
}

async function readConfig(path: string, required: boolean): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (!required && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined
    throw new AirplantError({
      code: 'ERR_INVALID_OPTION',
      message: `Cannot read the registries' configuration "${path}": ${code}`,
      hint: required ? 'Correct AIRPLANT_REGISTRIES, or unset it' : 'Make it a file that you may read',
      cause,
    })
  }
}

function listed(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
}

function parseMirror(text: string): RegistriesConfig['mirrors'][number] {
  const source = 'AIRPLANT_REGISTRY_MIRROR'
  const at = text.indexOf('=')
  const prefix = at < 0 ? dockerHub : parsePrefix(text.slice(0, at), source)
  const location = checkLocation(text.slice(at + 1), source)
  return { prefix, location, digestOnly: false, insecure: false }
}

function parseInsecureHost(text: string): string {
  const host = parseHost(text)
  if (host !== undefined) return host
  const message = `Cannot use AIRPLANT_INSECURE_REGISTRIES: "${text}" is not a host`
  throw new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message,
    hint: 'Write "host" or "host:port", with commas between',
  })
}
