import type { StorageDriver } from './options.ts'
import type { SingleUser } from './plan/nested-user.ts'

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
}

/** Text for the keeper. */
export function writeMeta(meta: ContainerMeta): string {
  return JSON.stringify(meta)
}

/** The other way; of a container of another version what is missing is empty. */
export function readMeta(text: string): ContainerMeta {
  const nothing = {
    network: 'none' as const,
    name: undefined,
    image: '',
    imageId: undefined,
    driver: undefined,
    owner: undefined,
  }
  try {
    return {
      ...nothing,
      command: [],
      labels: {},
      sockets: [],
      started: 0,
      ...(JSON.parse(text) as Partial<ContainerMeta>),
    }
  } catch {
    return { ...nothing, command: [], labels: {}, sockets: [], started: 0 }
  }
}
