/** What the configuration file and the environment say about registries. */
export interface RegistriesConfig {
  /** By registry or prefix of names; the longest that fits a name counts, alone. */
  readonly registries: readonly RegistrySettings[]
  /** Mirrors of AIRPLANT_REGISTRY_MIRROR: asked before those of the settings. */
  readonly mirrors: readonly (Mirror & { readonly prefix: string })[]
  /** Hosts of AIRPLANT_INSECURE_REGISTRIES and of settings that say so for all of a registry. */
  readonly insecureHosts: readonly string[]
}

/** Settings of a registry, or of the names below a prefix. */
export interface RegistrySettings {
  /** `'docker.io'` or `'docker.io/library'`. */
  readonly prefix: string
  /** Where it is written, for messages. */
  readonly source: string
  /** In the order in which they are asked. */
  readonly mirrors: readonly Mirror[]
  /** What takes the prefix's place when the registry itself is asked. */
  readonly location: Location | undefined
  /** Plain HTTP, or TLS with a certificate that cannot be verified, will do. */
  readonly insecure: boolean
  /** Nothing is pulled from it. */
  readonly blocked: boolean
}

export interface Mirror {
  /** What takes the prefix's place. */
  readonly location: Location
  /** Asked for content by digest only, for its tags may be old. */
  readonly digestOnly: boolean
  readonly insecure: boolean
}

/** `[scheme://]host[:port][/path]` in its parts. */
export interface Location {
  readonly scheme: 'http' | 'https' | undefined
  readonly host: string
  /** `''`, or the beginning of repositories, without slashes at its ends. */
  readonly path: string
}

/** The configuration of somebody who configured nothing. */
export const noRegistriesConfig: RegistriesConfig = { registries: [], mirrors: [], insecureHosts: [] }
