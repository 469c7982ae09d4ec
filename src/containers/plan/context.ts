import type { IdMapping } from '../../rootless/ids/id-mapping.ts'
import type { StorageDriver } from '../options.ts'
import type { ContainerSpec } from '../spec.ts'
import type { Networking } from '../networking/networking.ts'
import type { SourceUse } from './sources.ts'

/** Facts of the machine and the session that a plan depends on, gathered beforehand so that making a plan is pure. */
export interface PlanContext {
  readonly spec: ContainerSpec
  /** Directory of the container's own files on the host, removed with it. */
  readonly scratch: string
  /** The keeper's private mounts, docs/protocol.md. */
  readonly work: string
  readonly mapping: IdMapping
  readonly driver: StorageDriver
  readonly volumes: readonly VolumeMount[]
  readonly host: HostFacts
  readonly networking: Networking
  readonly seccompFilter: Uint8Array | undefined
  /** Sources that the broker opened ahead, by what they are for: numbers for `takeFd`. Empty for everybody but real root. */
  readonly tokens: ReadonlyMap<SourceUse, number>
}

/** A named volume, found in the store. */
export interface VolumeMount {
  /** Its files' directory. */
  readonly path: string
  readonly target: string
  readonly readOnly: boolean
}

/** What the host image has to know about the host. */
export interface HostFacts {
  /** Directories that are covered by an empty one: homes, and the state directory with everybody's sessions. */
  readonly hidden: readonly string[]
  /** The caller's working directory, undefined where showing it would show a home. */
  readonly cwd: string | undefined
  /** Directory of the running Node. */
  readonly nodeDirectory: string
  /** Text of /etc/resolv.conf; used with the host's network only. */
  readonly resolvConf: string
  readonly cpus: readonly number[]
}
