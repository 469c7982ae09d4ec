import { answerQuery, denyQuery } from './answer-query.ts'
import type { Transport } from './message.ts'
import type { NameZone } from './name-zone.ts'
import { readQuery, responseLimit } from './read-query.ts'

/** Asks somebody else. The response is within `limit` bytes. */
export type Forward = (query: Buffer, over: Transport, limit: number) => Promise<Buffer>

/** @see serveQuery */
export interface Service {
  readonly zone: NameZone
  /** undefined: nobody else is asked. */
  readonly forward: Forward | undefined
}

/**
 * Answers a query from the zone, or from what others say. This module, and the library with it, is loaded at the first query.
 *
 * @returns undefined when the message deserves no response
 */
export async function serveQuery(message: Buffer, over: Transport, service: Service): Promise<Buffer | undefined> {
  const answer = answerQuery(message, service.zone, over)
  if (answer !== 'forward') return answer
  if (!service.forward) return denyQuery(message, over)
  return service.forward(message, over, responseLimit(readQuery(message), over))
}
