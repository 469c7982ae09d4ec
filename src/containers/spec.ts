import type { Healthcheck, LocalImage } from '../images/image.ts'
import type { JoinOptions, Network } from '../networks/network.ts'
import type { Rlimit } from '../rootless/rlimits.ts'
import type { OciSeccompProfile } from '../rootless/seccomp/oci-profile.ts'
import type { BindOption, StorageDriver, VolumeOption } from './options.ts'
import type { RequestedPort } from './ports.ts'

/** What a container's root is made of. */
export type RootSpec = 'host' | LayeredRoot

/** Directories that are never written to, under a writable layer of the container's own. */
export interface LayeredRoot {
  /** Top first. */
  readonly lowers: readonly string[]
  /** Permission bits of `/`. */
  readonly mode: number
  /** Whose layers they are; undefined for `{ rootfs }`. */
  readonly image: LocalImage | undefined
}

/** A user as an option says it: both parts checked, names resolved later inside the root. */
export interface UserSpec {
  /** `''` root, a decimal number, or a name. */
  readonly user: string
  /** `''` the user's own, a decimal number, or a name. */
  readonly group: string
}

export interface TmpfsSpec {
  readonly target: string
  readonly size: number | undefined
  readonly mode: number
}

/** A file with everything decided; big sources are copied by the keeper, others travel in the plan. */
export interface FileSpec {
  readonly target: string
  readonly from: { readonly content: Uint8Array } | { readonly path: string }
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** Where a container is to be connected. */
export type NetworkSpec =
  | { readonly mode: 'none' | 'host' }
  /** ID or name of another container. */
  | { readonly mode: 'container'; readonly container: string }
  | { readonly mode: 'networks'; readonly attachments: readonly AttachmentSpec[] }

/** One network to join. */
export interface AttachmentSpec {
  readonly network: string | Network
  readonly options: JoinOptions
}

/** What was asked for of /etc/hosts and /etc/resolv.conf. */
export interface NamesSpec {
  /** Lines of /etc/hosts: address, then name. */
  readonly hosts: readonly (readonly [address: string, name: string])[]
  readonly servers: readonly string[]
  readonly search: readonly string[]
  readonly options: readonly string[]
}

/** Options, checked and with every default filled in: what plans are made from. */
export interface ContainerSpec {
  readonly id: string
  /** What errors and lists call its image: `'host'`, a reference, a path, or the beginning of an ID. */
  readonly image: string
  readonly root: RootSpec
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly user: UserSpec
  readonly groups: readonly string[]
  readonly workdir: string
  readonly hostname: string
  readonly files: readonly FileSpec[]
  readonly binds: readonly Required<BindOption>[]
  readonly tmpfs: readonly TmpfsSpec[]
  /** Directories for Unix sockets that the host sees too. */
  readonly sockets: readonly string[]
  readonly volumes: readonly Required<VolumeOption>[]
  /** Paths that the image declares as volumes and nothing else is mounted on. */
  readonly imageVolumes: readonly string[]
  readonly shmSize: number
  readonly readOnly: boolean
  readonly init: boolean
  readonly capabilities: bigint
  readonly capabilityNames: readonly string[]
  readonly seccomp: OciSeccompProfile | 'default' | 'unconfined'
  readonly noNewPrivileges: boolean
  readonly rlimits: readonly Rlimit[]
  readonly stopSignal: number
  readonly stopTimeout: number
  readonly labels: Readonly<Record<string, string>>
  readonly healthcheck: Healthcheck | undefined
  readonly tty: { readonly rows: number; readonly columns: number } | undefined
  readonly stdin: boolean
  readonly attach: boolean
  readonly name: string | undefined
  readonly network: NetworkSpec
  readonly egress: boolean | 'slirp4netns' | 'pasta'
  readonly hostAccess: readonly number[]
  readonly names: NamesSpec
  readonly ports: readonly RequestedPort[]
  readonly logLimit: number
  readonly storage: StorageDriver | undefined
}
