import type { ImageSource, PullPolicy } from '../images/image-source.ts'
import type { LocalImage } from '../images/image.ts'
import type { NetworkOption } from './networking/network-option.ts'
import type { RlimitOptions } from '../rootless/rlimits.ts'
import type { OciSeccompProfile } from '../rootless/seccomp/oci-profile.ts'

export type { ImageSource, PullPolicy } from '../images/image-source.ts'

/**
 * Where a container's root file system comes from. `'host'` is this machine's own, read-only, with homes, /tmp and /run hidden. Any other
 * text is a reference such as `'postgres:17'`, looked up in the store and pulled when it is not there. `{ rootfs }` is a directory that is
 * never written to. A {@link LocalImage} is what a pull, a snapshot or a commit gave.
 */
export type Image = 'host' | (string & {}) | { readonly rootfs: string } | ImageSource | LocalImage

/**
 * A published port: a number publishes TCP on any free host port of 127.0.0.1 and ::1. A text is in docker's form,
 * `[ADDRESS:][HOST:]CONTAINER[/udp]` with numbers or ranges: `'8080:80'`, `'127.0.0.1::53/udp'`, `'8000-8010:80'` (the first free one).
 */
export type PortOption =
  | number
  | (string & {})
  | {
      /** Port inside the container. */
      readonly container: number
      /** Port on the host. @default 0, any free one */
      readonly host?: number
      /** Address on the host. @default 127.0.0.1 and ::1, the same number on both */
      readonly address?: string
      /** @default 'tcp' */
      readonly protocol?: 'tcp' | 'udp'
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

/** A volume of the store, visible in the container. It is made when there is none of that name, and stays when the container goes. */
export interface VolumeOption {
  /** Letters, digits, `_`, `.` and `-`. */
  readonly name: string
  /** Absolute path in the container. A volume that was never used before gets what the image has there. */
  readonly target: string
  /** @default false */
  readonly readOnly?: boolean
}

/** How it is found out whether the service in a container is well; what is missing is the image's. Times in ms. */
export interface HealthcheckOption {
  /** Program and arguments; exit code 0 is healthy. @default the image's */
  readonly command?: readonly string[]
  /** @default 30_000 */
  readonly interval?: number
  /** Most time of one check. @default 30_000 */
  readonly timeout?: number
  /** Failures in this time from the start do not count. @default 0 */
  readonly startPeriod?: number
  /** Time between checks in the start period. @default 5_000 */
  readonly startInterval?: number
  /** Failures in a row that make it unhealthy. @default 3 */
  readonly retries?: number
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

/** What is copied into a container that has started: one of `content`, `source` and `tar`. */
export interface CopyInOption {
  /** Absolute path in the container: of the copy itself, or of the directory for a glob's files and a tar's entries. */
  readonly target: string
  readonly content?: string | Uint8Array
  /** A file or directory on the host, or a glob. Links are copied as links. */
  readonly source?: string
  /** A tar archive, also compressed by gzip or Zstandard; its entries keep their owners and modes. */
  readonly tar?: Uint8Array | AsyncIterable<Uint8Array>
  /** Of files. @default 0o644 for content, else that of the source */
  readonly mode?: number
  /** Owner in the container: a number, or `'uid:gid'`. @default 0 */
  readonly owner?: number | string
}

/** Everything that can be said about a container. Only `command` has no default for the host image. */
export interface ContainerOptions {
  /** @default 'host' */
  readonly image?: Image
  /** Whether a registry is asked for an image. @default 'missing' */
  readonly pull?: PullPolicy
  /** Of an image for several: `'linux/arm64'`. @default this machine's */
  readonly platform?: string
  /** Program and arguments. @default the image's */
  readonly command?: readonly string[]
  /** Put before `command`. An image's own command does not count then. @default the image's */
  readonly entrypoint?: readonly string[]
  /** Added to the image's. That, PATH, HOME, HOSTNAME and TERM are all: nothing of this process's own leaks in. */
  readonly env?: Readonly<Record<string, string>>
  /** `'name'`, `'uid'`, `'name:group'` or `'uid:gid'`, resolved in the container's /etc/passwd. @default the image's, else root */
  readonly user?: string
  /** Additional groups, names or numbers. */
  readonly groups?: readonly string[]
  /** An image's root gets it when it is missing. @default the image's; this process's working directory for the host image; else `/` */
  readonly workdir?: string
  /** @default the container's ID */
  readonly hostname?: string
  readonly files?: readonly FileOption[]
  readonly binds?: readonly BindOption[]
  readonly tmpfs?: readonly (string | TmpfsOption)[]
  /**
   * Absolute directories in which a server makes its Unix sockets. Each is an empty directory of the host, writable for all users of the
   * container, which nobody else on the host can enter and which is removed with the container: a client here connects through
   * `container.socketDirectory()`, without any port. What is in it is the container's: it may be a link to elsewhere.
   *
   * @default none
   * @example
   * ['/var/run/postgresql']
   */
  readonly sockets?: readonly string[]
  /** Volumes of the store. Where an image declares a volume and none is given, the container's own layer has a directory. */
  readonly volumes?: readonly VolumeOption[]
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
  /** @default the image's, else 'SIGTERM' */
  readonly stopSignal?: string | number
  /** Milliseconds that `stop()` waits before it kills. @default 10_000 */
  readonly stopTimeout?: number
  /** Added to the image's. */
  readonly labels?: Readonly<Record<string, string>>
  /** What the wait `healthy` runs; false: nothing. @default the image's */
  readonly healthcheck?: false | HealthcheckOption
  /** A terminal instead of three pipes. @default false */
  readonly tty?: boolean | { readonly rows: number; readonly columns: number }
  /** Standard input is a pipe that `container.stdin` writes to, else /dev/null. @default false */
  readonly stdin?: boolean
  /** Output goes to `container.stdout` and `container.stderr`, with back-pressure, besides the log. @default false */
  readonly attach?: boolean
  /** A name by which others on its networks find it, and commands in other terminals. @default none */
  readonly name?: string
  /**
   * `'none'`: loopback only, published ports work. `'host'`: the host's. `'session'`: the network that all containers of a session can be on.
   * Else networks of {@link createNetwork}, one or several, or another container's: `{ container }`.
   *
   * @default 'none'
   */
  readonly network?: NetworkOption
  /** More names on all of its networks; several containers may share one. */
  readonly aliases?: readonly string[]
  /**
   * Whether it reaches other machines; a text forces the program that connects it. Needs a network that is not internal.
   *
   * @default false: a test that depends on other machines should say so
   */
  readonly egress?: boolean | 'slirp4netns' | 'pasta'
  /** TCP ports of the host's loopback that it reaches at `host.airplant.internal`. @default none */
  readonly hostAccess?: readonly number[]
  /** More lines of /etc/hosts, by name: one address or several. `'host-gateway'` is the address of `host.airplant.internal`. */
  readonly extraHosts?: Readonly<Record<string, string | readonly string[]>>
  /** Servers in /etc/resolv.conf. @default the network's own, which knows its members and asks the host's */
  readonly dns?: readonly string[]
  /** Domains that short names are looked for in. @default the host's, with egress */
  readonly dnsSearch?: readonly string[]
  /** As in resolv.conf(5): `'ndots:1'`. */
  readonly dnsOptions?: readonly string[]
  /**
   * Published ports. `'exposed'`, alone or among them, stands for those that the image exposes, TCP and UDP.
   *
   * @default none
   * @example
   * ['8080:80', 5432, { container: 53, protocol: 'udp' }, 'exposed']
   */
  readonly ports?: 'exposed' | readonly (PortOption | 'exposed')[]
  /** Bytes of output that are kept. The oldest are dropped and counted. @default 1 MiB */
  readonly logLimit?: number
  /** Forces a storage driver. @default the first that works: overlay, fuse-overlayfs, copy */
  readonly storage?: StorageDriver
  /** Aborting removes the container, also when it runs already. */
  readonly signal?: AbortSignal
}

/** How a root that is never written to gets its writable layer. */
export type StorageDriver = 'overlay' | 'fuse-overlayfs' | 'copy'
