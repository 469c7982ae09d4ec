import type { OptAnswer } from 'dns-packet'
import dnsPacket from 'dns-packet'
import { HEADER_BYTES, questionOf, type Transport } from './message.ts'

/**
 * What a datagram may have at most, whatever the client says: with IPv6's smallest MTU (1280 bytes) it still goes in one piece, as the
 * DNS Flag Day of 2020 asks for. More goes over TCP.
 */
export const MOST_DATAGRAM_BYTES = 1232

/** RFC 1035, 4.2.1; RFC 6891, 6.2.3: smaller sizes count as this one. */
const LEAST_DATAGRAM_BYTES = 512

const MOST_MESSAGE_BYTES = 65_535

/** One record of EDNS, and one of a signature (TSIG, SIG(0)). */
const MOST_ADDITIONALS = 2

const DNSSEC_OK = 0x8000

/** A query that is well-formed. */
export interface Query {
  /** In lower case, without a final dot; empty for the root. */
  readonly name: string
  readonly labels: number
  /** Numbers, since the registry of types is longer than the library's. */
  readonly type: number
  readonly class: number
  /** What the client says of itself in an OPT record (RFC 6891). */
  readonly edns: { readonly version: number; readonly size: number; readonly dnssecOk: boolean } | undefined
}

/**
 * Reads a query.
 *
 * Counts are checked before the library sees the message: it makes lists as long as the counts say, and follows chains of pointers
 * that cost 0.4 s of one message of 64 KiB.
 *
 * @param message with at least a header
 * @returns undefined when it is malformed, or not a query with one question
 */
export function readQuery(message: Buffer): Query | undefined {
  const question = questionOf(message)
  if (!question || hasOddCounts(message)) return undefined
  const decoded = tryDecode(message)
  const options = decoded?.additionals?.filter((record): record is OptAnswer => record.type === 'OPT') ?? []
  if (!decoded || options.length > 1) return undefined
  const name = decoded.questions?.[0]?.name ?? '.'
  const typeAt = question.bytes.length - 4
  return {
    name: name === '.' ? '' : name.toLowerCase(),
    labels: question.labels,
    type: question.bytes.readUInt16BE(typeAt),
    class: question.bytes.readUInt16BE(typeAt + 2),
    edns: options[0] && ednsOf(options[0]),
  }
}

/** Most bytes of a response that the sender of a query takes. */
export function responseLimit(query: Query | undefined, over: Transport): number {
  if (over === 'tcp') return MOST_MESSAGE_BYTES
  return Math.min(Math.max(query?.edns?.size ?? 0, LEAST_DATAGRAM_BYTES), MOST_DATAGRAM_BYTES)
}

function hasOddCounts(message: Buffer): boolean {
  const [answers, authorities, additionals] = [6, 8, HEADER_BYTES - 2].map((at) => message.readUInt16BE(at))
  return answers !== 0 || authorities !== 0 || additionals! > MOST_ADDITIONALS
}

function tryDecode(message: Buffer): dnsPacket.DecodedPacket | undefined {
  try {
    return dnsPacket.decode(message)
  } catch {
    return undefined
  }
}

function ednsOf({ ednsVersion, udpPayloadSize, flags }: OptAnswer): Query['edns'] {
  return { version: ednsVersion, size: udpPayloadSize, dnssecOk: (flags & DNSSEC_OK) !== 0 }
}
