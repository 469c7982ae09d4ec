import { defaultCapabilities } from '../rootless/capabilities.ts'
import { builtDefaultFilter } from '../rootless/seccomp/default-filter.ts'
import type { ContainerSpec } from './spec.ts'

/** Compiles and remembers filters. Most containers want the default one, which the build has compiled ahead. */
export class SeccompFilters {
  readonly #compiled = new Map<string, Uint8Array>()

  /** The filter for a container, undefined for an unconfined one. */
  async get({
    seccomp,
    capabilityNames,
  }: Pick<ContainerSpec, 'seccomp' | 'capabilityNames'>): Promise<Uint8Array | undefined> {
    if (seccomp === 'unconfined') return undefined
    const key = JSON.stringify([seccomp, capabilityNames])
    const known = this.#compiled.get(key)
    if (known) return known
    const filter = await makeFilter(seccomp, capabilityNames)
    this.#compiled.set(key, filter)
    return filter
  }
}

async function makeFilter(
  profile: Exclude<ContainerSpec['seccomp'], 'unconfined'>,
  capabilities: readonly string[],
): Promise<Uint8Array> {
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
  const isUsual = profile === 'default' && capabilities.join() === usualCapabilities
  const built = isUsual ? builtDefaultFilter(arch) : undefined
  if (built) return built
  const { compileSeccomp } = await import('../rootless/seccomp/compile.ts')
  const options = { capabilities: new Set(capabilities) }
  if (profile !== 'default') {
    const { parseSeccompProfile } = await import('../rootless/seccomp/parse-profile.ts')
    return compileSeccomp(parseSeccompProfile(profile), arch, options)
  }
  const { defaultProfile } = await import('../rootless/seccomp/default-profile.ts')
  return compileSeccomp(defaultProfile, arch, options)
}

const usualCapabilities = [...defaultCapabilities].join()
