import type { CompileSeccompOptions } from '../rootless/seccomp/compile.ts'
import { compileSeccomp } from '../rootless/seccomp/compile.ts'
import { defaultProfile } from '../rootless/seccomp/default-profile.ts'
import type { ContainerSpec } from './spec.ts'

/** Compiles and remembers filters: compiling takes some milliseconds the first time, and most containers want the same one. */
export class SeccompFilters {
  readonly #compiled = new Map<string, Uint8Array>()

  /** The filter for a container, undefined for an unconfined one. */
  async get({ seccomp, capabilityNames }: ContainerSpec): Promise<Uint8Array | undefined> {
    if (seccomp === 'unconfined') return undefined
    const key = JSON.stringify([seccomp, capabilityNames])
    const known = this.#compiled.get(key)
    if (known) return known
    const filter = await compile(seccomp, { capabilities: new Set(capabilityNames) })
    this.#compiled.set(key, filter)
    return filter
  }
}

async function compile(
  profile: Exclude<ContainerSpec['seccomp'], 'unconfined'>,
  options: CompileSeccompOptions,
): Promise<Uint8Array> {
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
  if (profile !== 'default') {
    const { parseSeccompProfile } = await import('../rootless/seccomp/parse-profile.ts')
    return compileSeccomp(parseSeccompProfile(profile), arch, options)
  }
  return compileSeccomp(defaultProfile, arch, options)
}
