import type { ImageConfig } from './image.ts'
import { hostPlatform } from './platform.ts'

/** The configuration of an image that says nothing, for this machine. */
export function emptyConfig(): ImageConfig {
  const platform = hostPlatform()
  return {
    ...{ platform, created: undefined, author: undefined, env: [], entrypoint: [], cmd: [], user: '' },
    ...{ workdir: '', exposedPorts: [], volumes: [], stopSignal: undefined, healthcheck: undefined, shell: [] },
    ...{ labels: {}, diffIds: [], history: [], document: { ...platform, config: {} } },
  }
}
