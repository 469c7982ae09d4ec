import { isAbsolute, join, resolve } from 'node:path'
import { homeDirectory } from '../../../rootless/home-directory.ts'

/** A place where credentials may be. */
export interface AuthFilePath {
  readonly path: string
  /** The user named the file itself, so that its absence is an error. */
  readonly required: boolean
}

/** Docker's configuration, where a login is written: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. */
export function dockerConfigPath(env: NodeJS.ProcessEnv): string {
  return resolve(env.DOCKER_CONFIG || join(homeDirectory(env), '.docker'), 'config.json')
}

/** Files that may have credentials, in the order in which they are asked: docker's, then those of podman and skopeo. */
export function authFilePaths(env: NodeJS.ProcessEnv, uid = process.getuid?.() ?? -1): AuthFilePath[] {
  const { REGISTRY_AUTH_FILE: chosen, XDG_RUNTIME_DIR: runtime, XDG_CONFIG_HOME: config } = env
  const base = config && isAbsolute(config) ? config : join(homeDirectory(env), '.config')
  return [
    { path: dockerConfigPath(env), required: false },
    ...(chosen ? [{ path: resolve(chosen), required: true }] : []),
    {
      path: join(runtime || `/run/containers/${uid}`, ...(runtime ? ['containers'] : []), 'auth.json'),
      required: false,
    },
    { path: join(base, 'containers', 'auth.json'), required: false },
  ]
}
