/** What a message comes over. A datagram has a limit, a stream has none. */
export type Transport = 'udp' | 'tcp'

/** RFC 1035, 4.1.1: ID, flags and four counts. */
export const HEADER_BYTES = 12

/** RFC 1035, 2.3.4: labels and their lengths, the root's included. */
const MOST_NAME_BYTES = 255

/** Type and class behind a question's name. */
const TYPE_AND_CLASS_BYTES = 4

/** Response codes that are used here (RFC 1035, 4.1.1; BADVERS: RFC 6891, 9). */
export const RCODES = {
  ok: 0,
  malformed: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const

/** Flags of a header (RFC 1035, 4.1.1; CD: RFC 4035, 3.2.2). */
export const FLAGS = {
  response: 0x8000,
  opcode: 0x7800,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  checkingDisabled: 0x0010,
  rcode: 0x000f,
} as const

/** @see questionOf */
export interface RawQuestion {
  /** Name, type and class as they are on the wire. */
  readonly bytes: Buffer
  /** Labels of the name; the root has none. */
  readonly labels: number
}

/** The flags of a message with a whole header. */
export function flagsOf(message: Buffer): number {
  return message.readUInt16BE(2)
}

/**
 * The only question of a message, cut out of it as it is: whoever checks the case of letters (0x20) or the bytes of labels gets its own back.
 *
 * @returns undefined when it is not exactly one question, or cut short, or its name is too long or compressed (there is nothing
 *   in front of it that it could point to)
 */
export function questionOf(message: Buffer): RawQuestion | undefined {
  if (message.length < HEADER_BYTES || message.readUInt16BE(4) !== 1) return undefined
  let labels = 0
  let at = HEADER_BYTES
  for (let length = message[at]; length !== 0; length = message[at]) {
    // Two set bits make a pointer (RFC 1035, 4.1.4), one alone is reserved.
    if (length === undefined || length > 63) return undefined
    labels++
    at += 1 + length
  }
  const nameEnd = at + 1
  const end = nameEnd + TYPE_AND_CLASS_BYTES
  if (nameEnd - HEADER_BYTES > MOST_NAME_BYTES || end > message.length) return undefined
  return { bytes: message.subarray(HEADER_BYTES, end), labels }
}
