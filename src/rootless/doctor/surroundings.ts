/** What this machine is inside of. */
export interface Surroundings {
  readonly container: 'docker' | 'podman' | 'kubernetes' | 'other' | undefined
  readonly wsl: 1 | 2 | undefined
  readonly isGvisor: boolean
}

// gVisor shows this constant as its kernel's version (pkg/sentry/kernel, version.go).
const GVISOR_VERSION = 'SMP Sun Jan 10 15:06:54 PST 2016'

/** Recognises containers, WSL and gVisor by the marks they leave. */
export function findSurroundings(
  read: (path: string) => string,
  exists: (path: string) => boolean,
  env: NodeJS.ProcessEnv,
): Surroundings {
  const version = read('proc/version')
  return {
    container: findContainer(read, exists, env),
    wsl: /WSL2|microsoft-standard/.test(version) ? 2 : /Microsoft/.test(version) ? 1 : undefined,
    isGvisor: version.includes(GVISOR_VERSION),
  }
}

function findContainer(
  read: (path: string) => string,
  exists: (path: string) => boolean,
  env: NodeJS.ProcessEnv,
): Surroundings['container'] {
  const cgroup = read('proc/self/cgroup')
  if (env.KUBERNETES_SERVICE_HOST || exists('var/run/secrets/kubernetes.io') || /kubepods/.test(cgroup))
    return 'kubernetes'
  if (exists('run/.containerenv')) return 'podman'
  if (exists('.dockerenv') || /\/docker[-/]/.test(cgroup)) return 'docker'
  return read('run/systemd/container').trim() || /\/(lxc|libpod|containerd)[-./]/.test(cgroup) ? 'other' : undefined
}
