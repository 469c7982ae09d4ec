import type * as Zlib from 'node:zlib'
import { namesOf } from '../rootless/capabilities.ts'
import type { Rlimit } from '../rootless/rlimits.ts'
import type { ProcessCommons } from './plan/process-plan.ts'
import { SeccompFilters } from './seccomp-filter.ts'
import type { ContainerSpec, UserSpec } from './spec.ts'

/** {@link ProcessCommons} as JSON can have them. */
export interface ProcessMeta {
  readonly env: Readonly<Record<string, string>>
  readonly user: UserSpec
  readonly groups: readonly string[]
  readonly workdir: string
  readonly rlimits: readonly (readonly [resource: number, soft: string, hard: string])[]
  /** Hexadecimal mask. */
  readonly capabilities: string
  readonly noNewPrivileges: boolean
  /** `'default'`: the one for these capabilities; `'unconfined'`: none; else the filter's instructions, deflated, in base64. */
  readonly seccomp: string
}

/** What the keeper is told of a container's processes. */
export function writeProcessMeta(process: ProcessCommons, seccomp: ContainerSpec['seccomp']): ProcessMeta {
  const { env, user, groups, workdir, rlimits, capabilities, noNewPrivileges, seccompFilter: filter } = process
  return {
    ...{ env, user, groups, workdir, noNewPrivileges },
    rlimits: rlimits.map(({ resource, soft, hard }) => [resource, String(soft), String(hard)] as const),
    capabilities: capabilities.toString(16),
    seccomp: filter === undefined ? 'unconfined' : seccomp === 'default' ? seccomp : deflated(filter),
  }
}

/**
 * The other way. Undefined when anything is missing or malformed, as with a container of another version: what is not known must not
 * become fewer restrictions.
 */
export async function readProcessMeta(meta: unknown): Promise<ProcessCommons | undefined> {
  if (!isProcessMeta(meta)) return undefined
  const { env, user, groups, workdir, rlimits, noNewPrivileges, seccomp } = meta
  const capabilities = BigInt(`0x${meta.capabilities}`)
  const filter = await readFilter(seccomp, capabilities)
  if (filter === undefined) return undefined
  return {
    ...{ env, user, groups, workdir, noNewPrivileges, capabilities },
    rlimits: rlimits.map(([resource, soft, hard]): Rlimit => ({ resource, soft: BigInt(soft), hard: BigInt(hard) })),
    seccompFilter: filter === 'unconfined' ? undefined : filter,
  }
}

function isProcessMeta(meta: unknown): meta is ProcessMeta {
  if (typeof meta !== 'object' || meta === null) return false
  const { env, user, groups, workdir, rlimits, capabilities, noNewPrivileges, seccomp } = meta as Partial<ProcessMeta>
  return (
    isTexts(env) &&
    isTexts(user) &&
    [user['user'], user['group'], workdir, capabilities, seccomp].every((text) => typeof text === 'string') &&
    Array.isArray(groups) &&
    isTexts(groups) &&
    Array.isArray(rlimits) &&
    rlimits.every((limit: unknown) => Array.isArray(limit) && /^\d+,\d+,\d+$/.test(limit.join())) &&
    /^[0-9a-f]{1,16}$/.test(capabilities ?? '') &&
    typeof noNewPrivileges === 'boolean'
  )
}

function isTexts(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string')
}

/** Undefined: nothing that can be told. */
async function readFilter(text: string, capabilities: bigint): Promise<Uint8Array | 'unconfined' | undefined> {
  if (text === 'unconfined') return text
  if (text === 'default') {
    return await new SeccompFilters().get({ seccomp: text, capabilityNames: namesOf(capabilities) })
  }
  try {
    const filter = zlib().inflateRawSync(Buffer.from(text, 'base64'))
    // Whole instructions of 8 bytes.
    return filter.length > 0 && filter.length % 8 === 0 ? filter : undefined
  } catch {
    return undefined
  }
}

function deflated(filter: Uint8Array): string {
  return zlib().deflateRawSync(filter).toString('base64')
}

/** Loaded for the few who have a profile of their own. */
function zlib(): typeof Zlib {
  return process.getBuiltinModule('node:zlib')
}
