/**
 * A seccomp profile in the JSON form of the OCI runtime specification, or of Docker and Podman (which add `includes` and `excludes`).
 * Read by `parseSeccompProfile`, which checks every member.
 */
export interface OciSeccompProfile {
  /** `SCMP_ACT_ERRNO`, `SCMP_ACT_ALLOW`, `SCMP_ACT_KILL_PROCESS`, ... for every system call that no rule names. */
  readonly defaultAction: string
  readonly defaultErrnoRet?: number
  readonly architectures?: readonly string[]
  readonly syscalls?: readonly OciSeccompRule[] | null
  /** What else tools write into such files, as Docker's `archMap`. */
  readonly [other: string]: unknown
}

/** What happens to system calls, by name. */
export interface OciSeccompRule {
  readonly names: readonly string[]
  readonly action: string
  readonly errnoRet?: number
  readonly args?: readonly OciSeccompArgument[] | null
  readonly [other: string]: unknown
}

/** A condition on one argument. */
export interface OciSeccompArgument {
  readonly index: number
  readonly value: number
  readonly valueTwo?: number
  /** `SCMP_CMP_EQ`, `SCMP_CMP_MASKED_EQ`, ... */
  readonly op: string
}
