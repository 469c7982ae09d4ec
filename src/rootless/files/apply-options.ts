/** How much an apply may make; Infinity is no limit. */
export interface ApplyLimits {
  readonly entries: number
  /** Bytes of content; holes do not count. */
  readonly bytes: number
  /** Components of a path. */
  readonly depth: number
}

/** How entries are written; docs/files.md says what each means in full. */
export interface ApplyOptions {
  /** `layer`: whiteouts are kept in the form that overlayfs knows. `merge`: they delete. */
  readonly mode: 'layer' | 'merge'
  /** Directory inside the target to which paths are relative; `''`: the target's root. */
  readonly base: string
  /** Everything belongs to root: for mappings of a single ID. */
  readonly flattenOwners: boolean
  readonly limits: ApplyLimits
  /** Whether something other than a directory may be there already, and is replaced. */
  readonly overwrite: boolean
  /** Neither is a directory replaced by something else, nor something else by a directory. @default false */
  readonly keepKinds?: boolean
  /** Directories that are there already keep their owner, mode and times. @default false */
  readonly keepDirectories?: boolean
}

/** What was written. */
export interface ApplySummary {
  readonly entries: number
  /** Bytes of content, without holes. */
  readonly bytes: number
  /** Paths of device nodes, which were skipped; the first thousand. */
  readonly devices: readonly string[]
  readonly warnings: readonly string[]
  /** Permission bits of the base; undefined when no entry was for it. */
  readonly rootMode?: number
  /** Opaque directories are marked by files, because the file system has no user attributes. */
  readonly markedByFiles: boolean
}
