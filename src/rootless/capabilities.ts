import { AirplantError } from '../errors.ts'
import { closestName } from './closest-name.ts'

/** Linux's capabilities in the order of their bits (linux/capability.h). */
export const capabilityNames: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
]

/**
 * What a container gets unless asked otherwise: podman's eleven. Docker's MKNOD, NET_RAW and AUDIT_WRITE are not among
 * them; ping works without NET_RAW where net.ipv4.ping_group_range allows it.
 */
export const defaultCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_SETFCAP',
]

const defaultMask = maskOf(defaultCapabilities)

/** Changes to the default capabilities. */
export interface CapabilityChanges {
  /** Names as `NET_RAW` or `cap_net_raw`, or `ALL`. */
  readonly add?: readonly string[] | undefined
  /** Names as in `add`. `ALL` leaves only what `add` names. */
  readonly drop?: readonly string[] | undefined
}

/** A set of capabilities. */
export interface Capabilities {
  /** Bit n is the capability with number n. */
  readonly mask: bigint
  /** Names as `CAP_NET_RAW`, in the order of their bits. */
  readonly names: readonly string[]
}

/**
 * The capabilities of a container.
 *
 * @throws AirplantError `ERR_INVALID_OPTION` for an unknown name, and for one that is both added and dropped
 * @example
 * resolveCapabilities({ add: ['net_raw'], drop: ['ALL'] }).names // ['CAP_NET_RAW']
 */
export function resolveCapabilities({ add = [], drop = [] }: CapabilityChanges = {}): Capabilities {
  const added = new Set(add.map(canonicalName))
  const dropped = new Set(drop.map(canonicalName))
  const both = [...added].find((name) => dropped.has(name))
  if (both) {
    throw new AirplantError({
      code: 'ERR_INVALID_OPTION',
      message: `Cannot both add and drop capability "${both}"`,
      hint: 'Name it in one of the two lists only',
    })
  }
  const base = added.has('ALL') ? capabilityNames : dropped.has('ALL') ? [] : defaultCapabilities
  const names = capabilityNames.filter((name) => added.has(name) || (base.includes(name) && !dropped.has(name)))
  return { mask: maskOf(names), names }
}

/** Whether a set has a capability that a container does not get by default. */
export function beyondDefault(mask: bigint): boolean {
  return (mask & ~defaultMask) !== 0n
}

/** The capabilities of a mask, in the order of their bits. */
export function namesOf(mask: bigint): string[] {
  return capabilityNames.filter((_, bit) => (mask >> BigInt(bit)) % 2n === 1n)
}

function maskOf(names: readonly string[]): bigint {
  return names.reduce((mask, name) => mask | (1n << BigInt(capabilityNames.indexOf(name))), 0n)
}

function canonicalName(written: string): string {
  const upper = written.toUpperCase()
  if (upper === 'ALL') return upper
  const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`
  if (capabilityNames.includes(name)) return name
  const closest = closestName(name, capabilityNames)
  throw new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Unknown capability "${written}"`,
    hint: closest ? `Did you mean "${closest}"?` : 'See capabilities(7) for the names',
  })
}
