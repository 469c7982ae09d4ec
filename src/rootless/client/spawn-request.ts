import { isIP } from 'node:net'
import { bytesOf, parseIp } from '../ip-address.ts'
import { FieldWriter } from '../protocol/fields.ts'
import { frameFields } from '../protocol/frames.ts'
import type { Plan } from '../protocol/plan.ts'

/** Bytes of output that may be on the way before the reader has consumed any, per stream. */
export const DEFAULT_CREDIT = 256 * 1024

/** One published port; docs/protocol.md has the meaning of each field. */
export interface PortRequest {
  /** Address on the host; an IPv6 one makes the entry IPv6. Default `127.0.0.1`. */
  readonly address?: string
  /** Default 0: any free one. */
  readonly hostPort?: number
  readonly containerPort: number
  /** Default `'tcp'`. */
  readonly protocol?: 'tcp' | 'udp'
  /** The same host port as the entry before. Default false. */
  readonly sameAsBefore?: boolean
  /** Skip when the address or its family is unavailable. Default false. */
  readonly optional?: boolean
}

/** What {@link KeeperClient.spawn} starts: the fields of `spawn` in docs/protocol.md. */
export interface SpawnRequest {
  readonly plan: Plan
  readonly kind: 'container' | 'exec' | 'helper' | 'visitor'
  /** The container's id. Default `''`. */
  readonly id?: string
  /** Handle of the container to join (exec, visitor), or that a helper belongs to. Default 0: none. */
  readonly target?: number
  /** CLONE_NEW* bits. Default 0. */
  readonly namespaces?: number
  /** A network namespace from the pool. Default false. */
  readonly poolNetwork?: boolean
  /** Default false. */
  readonly tty?: boolean
  /** A pipe as stdin; otherwise /dev/null. Default false. */
  readonly stdin?: boolean
  /** Output is delivered here, with back-pressure. Default false. */
  readonly attached?: boolean
  /** Output is kept in the log. Default: when `logLimit` is over 0. */
  readonly logged?: boolean
  /** Outlives the connection, until it is removed or the keeper ends; an attached output then goes to the log alone. Default false. */
  readonly lasting?: boolean
  /** Bytes kept of the log. Default 0. */
  readonly logLimit?: number
  /** Bytes of each attached stream on the way before any is consumed. Default 256 KiB. */
  readonly credit?: number
  /** Directory to remove at the end. Default `''`: none. */
  readonly scratch?: string
  /** Directory to make and clone into. Default `''`: none. */
  readonly cgroup?: string
  readonly ports?: readonly PortRequest[]
  /** IPv4 addresses inside to which forwarded connections go, separated by a space, tried in order; at most 8. Default `''`: none. */
  readonly peer?: string
  /** Opaque text that `list` returns. Default `''`. */
  readonly meta?: string
}

const kinds = { container: 0, exec: 1, helper: 2, visitor: 3 }

/** The body of a `spawn` frame. */
export function encodeSpawn(request: SpawnRequest): FieldWriter {
  const plan = request.plan.encode()
  return frameFields(plan.length + 1024)
    .s(request.id ?? '')
    .u(kinds[request.kind])
    .u(request.target ?? 0)
    .u(request.namespaces ?? 0)
    .u(flagsOf(request))
    .u(request.logLimit ?? 0)
    .u(request.credit ?? DEFAULT_CREDIT)
    .s(request.scratch ?? '')
    .s(request.cgroup ?? '')
    .b(encodePorts(request.ports ?? []))
    .s(request.peer ?? '')
    .s(request.meta ?? '')
    .b(plan)
}

function flagsOf(request: SpawnRequest): number {
  const logged = request.logged ?? (request.logLimit ?? 0) > 0
  return (
    Number(request.poolNetwork ?? false) * 1 +
    Number(request.tty ?? false) * 2 +
    Number(request.stdin ?? false) * 4 +
    Number(request.attached ?? false) * 8 +
    Number(logged) * 16 +
    Number(request.lasting ?? false) * 32
  )
}

function encodePorts(ports: readonly PortRequest[]): Buffer {
  const writer = new FieldWriter()
  for (const port of ports) {
    const address = port.address ?? '127.0.0.1'
    writer
      .u8(isIP(address))
      .u8(Number(port.sameAsBefore ?? false) * 1 + Number(port.optional ?? false) * 2)
      .u16(port.hostPort ?? 0)
      .u16(port.containerPort)
      .u8(port.protocol === 'udp' ? 1 : 0)
      .u8(0)
      .raw(encodeAddress(address))
  }
  return writer.finish()
}

/** An IP address as 16 bytes, IPv4 in the first four. Throws a TypeError for anything else. */
export function encodeAddress(address: string): Buffer {
  const parsed = parseIp(address)
  if (parsed === undefined) throw new TypeError(`Cannot listen on "${address}": not an IP address`)
  const bytes = Buffer.alloc(16)
  bytes.set(bytesOf(parsed))
  return bytes
}
