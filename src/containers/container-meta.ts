import { constants } from 'node:os'
import type { Healthcheck } from '../images/image.ts'
import type { StorageDriver } from './options.ts'
import type { SingleUser } from './plan/nested-user.ts'
import type { PublishedPort } from './ports.ts'
import type { ProcessMeta } from './process-meta.ts'

/** What the keeper keeps of a container for those who look from outside: other terminals, and later tools. */
export interface ContainerMeta {
  readonly name: string | undefined
  /** As it was asked for: `'host'`, a reference, or a directory. */
  readonly image: string
  /** Digest of the image's configuration; undefined for the host and plain directories. */
  readonly imageId: string | undefined
  readonly driver: StorageDriver | undefined
  /** Whose its files are where a single ID is mapped and is not root's there. */
  readonly owner: SingleUser | undefined
  readonly network: 'none' | 'host' | 'networks' | 'container'
  readonly command: readonly string[]
  /** Directories in it whose Unix sockets the host sees. */
  readonly sockets: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** Milliseconds since 1970. */
  readonly started: number
  readonly healthcheck: Healthcheck | undefined
  /** A signal's number. */
  readonly stopSignal: number
  /** ms */
  readonly stopTimeout: number
  /** Its directory in the tree of control groups. */
  readonly cgroup: string | undefined
  /** Published ports that the keeper does not know, for they are the container's own with the host's network. */
  readonly hostPorts: readonly PublishedPort[]
  /** What another process needs to start one more in it; {@link readProcessMeta} reads it. */
  readonly process: ProcessMeta | undefined
}

/** More environment than the kernel takes for a program (execve(2)), which will say so itself. */
const MOST_TEXT = 4 * 1024 ** 2

/** Text for the keeper; a frame has room for the plan and about as much again. */
export function writeMeta(meta: ContainerMeta): string {
  const text = JSON.stringify(meta)
  return text.length <= MOST_TEXT ? text : JSON.stringify({ ...meta, process: undefined })
}

/** The other way; of a container of another version what is missing is empty. */
export function readMeta(text: string): ContainerMeta {
  try {
    return { ...nothing, ...(JSON.parse(text) as Partial<ContainerMeta>) }
  } catch {
    return nothing
  }
}

const nothing: ContainerMeta = {
  ...{ name: undefined, image: '', imageId: undefined, driver: undefined, owner: undefined },
  ...{
    network: 'none',
    command: [],
    sockets: [],
    labels: {},
    started: 0,
    healthcheck: undefined,
    hostPorts: [],
    cgroup: undefined,
  },
  ...{ stopSignal: constants.signals.SIGTERM, stopTimeout: 10_000, process: undefined },
}
