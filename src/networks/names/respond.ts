import { FLAGS, flagsOf, HEADER_BYTES, questionOf, RCODES } from './message.ts'

/** @see respond */
export interface Response {
  readonly rcode: number
  /** Further flags of the header. Default none. */
  readonly flags?: number | undefined
  /** Encoded records of the answer section. Default none. */
  readonly answers?: readonly Buffer[] | undefined
  /** Encoded records of the additional section. Default none. */
  readonly additionals?: readonly Buffer[] | undefined
}

/**
 * The response to a query that has at least a header. Its question is repeated when it can be read.
 *
 * Recursion is always "available", also where nothing is forwarded: glibc takes an empty answer with neither that flag nor
 * "authoritative" for a lame server's, and asks elsewhere.
 */
export function respond(query: Buffer, { rcode, flags = 0, answers = [], additionals = [] }: Response): Buffer {
  const question = questionOf(query)
  const header = Buffer.alloc(HEADER_BYTES)
  const kept = flagsOf(query) & (FLAGS.opcode | FLAGS.recursionDesired | FLAGS.checkingDisabled)
  header.writeUInt16BE(query.readUInt16BE(0), 0)
  header.writeUInt16BE(kept | FLAGS.response | FLAGS.recursionAvailable | flags | (rcode & FLAGS.rcode), 2)
  header.writeUInt16BE(question ? 1 : 0, 4)
  header.writeUInt16BE(answers.length, 6)
  header.writeUInt16BE(additionals.length, 10)
  return Buffer.concat([header, ...(question ? [question.bytes] : []), ...answers, ...additionals])
}

/** The response to a query that could not be answered, though there is nothing wrong with it. */
export function serverFailure(query: Buffer): Buffer {
  return respond(query, { rcode: RCODES.serverFailure })
}

/**
 * A message as it is when it fits, else its header and question with the flag that sends a client to TCP. RFC 2181, 9: what a client
 * gets with that flag it should not use, so nothing is lost with the records.
 *
 * @param limit most bytes that the client takes
 */
export function cutTo(message: Buffer, limit: number): Buffer {
  if (message.length <= limit) return message
  const question = questionOf(message)
  const cut = Buffer.from(message.subarray(0, HEADER_BYTES + (question?.bytes.length ?? 0)))
  cut.writeUInt16BE(flagsOf(cut) | FLAGS.truncated, 2)
  cut.writeUInt16BE(question ? 1 : 0, 4)
  cut.fill(0, 6, HEADER_BYTES)
  return cut
}
