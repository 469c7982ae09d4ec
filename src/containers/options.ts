import type { RlimitOptions } from '../rootless/rlimits.ts'
import type { OciSeccompProfile } from '../rootless/seccomp/oci-profile.ts'

/**
 * Where a container's root file system comes from: `'host'` is this machine's own, read-only, with homes, /tmp and /run hidden;
 * `{ rootfs }` a directory that is never written to.
 */
export type Image = 'host' | { readonly rootfs: string }

/** A published TCP port: a number publishes it on any free host port of 127.0.0.1 and ::1. */
export type PortOption =
  | number
  | {
      /** Port inside the container. */
      readonly container: number
      /** Port on the host. @default 0, any free one */
      readonly host?: number
      /** Address on the host. @default 127.0.0.1 and ::1, the same number on both */
      readonly address?: string
    }

/** A host directory or file, visible in the container. */
export interface BindOption {
  /** Path on the host. */
  readonly source: string
  /** Absolute path in the container; made when missing. */
  readonly target: string
  /** @default false */
  readonly readOnly?: boolean
}

/** An empty file system in memory. */
export interface TmpfsOption {
  /** Absolute path in the container. */
  readonly target: string
  /** Most bytes, or text as `64m`. @default half of the machine's memory */
  readonly size?: number | string
  /** @default 0o1777 */
  readonly mode?: number
}

/** A file that is placed in the container before its program starts. */
export interface FileOption {
  /** Absolute path in the container. */
  readonly target: string
  /** The file's bytes; or `source`. */
  readonly content?: string | Uint8Array
  /** A file or directory on the host, or a glob; of several files `target` is the directory. Links are not followed. */
  readonly source?: string
  /** @default 0o644, or that of the source */
  readonly mode?: number
  /** Owner in the container: a number, or `'uid:gid'`. @default 0 */
  readonly owner?: number | string
}

/** Everything that can be said about a container. Only `command` has no default for the host image. */
export interface ContainerOptions {
  /** @default 'host' */
  readonly image?: Image
  /** Program and arguments. */
  readonly command?: readonly string[]
  /** Put before `command`. */
  readonly entrypoint?: readonly string[]
  /** The whole environment besides PATH, HOME, HOSTNAME and TERM: nothing of this process's own leaks in. */
  readonly env?: Readonly<Record<string, string>>
  /** `'name'`, `'uid'`, `'name:group'` or `'uid:gid'`, resolved in the container's /etc/passwd. @default root */
  readonly user?: string
  /** Additional groups, names or numbers. */
  readonly groups?: readonly string[]
  /** @default this process's working directory for the host image, else `/` */
  readonly workdir?: string
  /** @default the container's ID */
  readonly hostname?: string
  readonly files?: readonly FileOption[]
  readonly binds?: readonly BindOption[]
  readonly tmpfs?: readonly (string | TmpfsOption)[]
  /** Bytes of /dev/shm, or text as `256m`. @default 64 MiB */
  readonly shmSize?: number | string
  /**
   * Root file system read-only. The host image's always is; with this also its working directory, /tmp, /run and homes.
   *
   * @default false
   */
  readonly readOnly?: boolean
  /** Run under a reaping pid 1. @default false */
  readonly init?: boolean
  /** Changes to the eleven default capabilities. */
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] }
  /** A profile is in the JSON form of OCI, parsed. @default 'default', equal to Docker's default profile */
  readonly seccomp?: 'default' | 'unconfined' | OciSeccompProfile
  /** Set-user-ID programs have no effect. @default true */
  readonly noNewPrivileges?: boolean
  readonly rlimits?: RlimitOptions
  /** @default 'SIGTERM' */
  readonly stopSignal?: string | number
  /** Milliseconds that `stop()` waits before it kills. @default 10_000 */
  readonly stopTimeout?: number
  readonly labels?: Readonly<Record<string, string>>
  /** A terminal instead of three pipes. @default false */
  readonly tty?: boolean | { readonly rows: number; readonly columns: number }
  /** Standard input is a pipe that `container.stdin` writes to, else /dev/null. @default false */
  readonly stdin?: boolean
  /** Output goes to `container.stdout` and `container.stderr`, with back-pressure, besides the log. @default false */
  readonly attach?: boolean
  /** `'none'`: loopback only, published ports work. `'host'`: the host's. @default 'none' */
  readonly network?: 'none' | 'host'
  /** Published TCP ports. */
  readonly ports?: readonly PortOption[]
  /** Bytes of output that are kept. The oldest are dropped and counted. @default 1 MiB */
  readonly logLimit?: number
  /** Forces a storage driver. @default the first that works: overlay, fuse-overlayfs, copy */
  readonly storage?: StorageDriver
  /** Aborting removes the container, also when it runs already. */
  readonly signal?: AbortSignal
}

/** How a root that is never written to gets its writable layer. */
export type StorageDriver = 'overlay' | 'fuse-overlayfs' | 'copy'
