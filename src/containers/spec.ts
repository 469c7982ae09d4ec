import type { Rlimit } from '../rootless/rlimits.ts'
import type { OciSeccompProfile } from '../rootless/seccomp/oci-profile.ts'
import type { PortRequest } from '../rootless/client/spawn-request.ts'
import type { BindOption, StorageDriver } from './options.ts'

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

/** Options, checked and with every default filled in: what plans are made from. */
export interface ContainerSpec {
  readonly id: string
  /** Undefined: the host image. */
  readonly rootfs: string | undefined
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly user: UserSpec
  readonly groups: readonly string[]
  readonly workdir: string
  readonly hostname: string
  readonly files: readonly FileSpec[]
  readonly binds: readonly Required<BindOption>[]
  readonly tmpfs: readonly TmpfsSpec[]
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
  readonly tty: { readonly rows: number; readonly columns: number } | undefined
  readonly stdin: boolean
  readonly attach: boolean
  readonly network: 'none' | 'host'
  readonly ports: readonly PortRequest[]
  readonly logLimit: number
  readonly storage: StorageDriver | undefined
}
