import { FLAGS, flagsOf, HEADER_BYTES, questionOf, RCODES } from './message.ts'

/**
 * Whether a message is the response to a query: its ID and its question are the same (RFC 5452, 9.1). What is not may come from
 * anybody who guesses, and is worth no further look.
 */
export function isAnswer(message: Buffer, query: Buffer): boolean {
  if (message.length < HEADER_BYTES || !(flagsOf(message) & FLAGS.response)) return false
  if (message.readUInt16BE(0) !== query.readUInt16BE(0)) return false
  const asked = questionOf(query)?.bytes
  const answered = questionOf(message)?.bytes
  if (asked && answered) return lowered(asked).equals(lowered(answered))
  // Servers that could not read a query repeat no question.
  return message.readUInt16BE(4) === 0 && failed(message)
}

/**
 * Whether a resolver could not, or would not, say anything about the name. Another one might.
 *
 * @param message with at least a header
 */
export function failed(message: Buffer): boolean {
  const rcode = flagsOf(message) & FLAGS.rcode
  return rcode !== RCODES.ok && rcode !== RCODES.noSuchName
}

/**
 * The response as its client wants it: with the client's ID, and its question in the client's own letters, which the resolver may have
 * changed.
 */
export function asAnswerTo(query: Buffer, message: Buffer): Buffer {
  const answer = Buffer.from(message)
  answer.writeUInt16BE(query.readUInt16BE(0), 0)
  if (questionOf(message)) questionOf(query)?.bytes.copy(answer, HEADER_BYTES)
  return answer
}

/** Letters of ASCII only (RFC 4343), and not those that type and class happen to look like. */
function lowered(question: Buffer): Buffer {
  const typeAt = question.length - 4
  return Buffer.from(question.map((byte, at) => (at < typeAt && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte)))
}
