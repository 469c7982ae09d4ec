import { randomInt } from 'node:crypto'
import { now } from '../../rootless/clock.ts'
import type { Asked } from './answer-within.ts'
import { askOverTcp } from './ask-over-tcp.ts'
import { askOverUdp } from './ask-over-udp.ts'
import { asAnswerTo, failed } from './is-answer.ts'
import { FLAGS, flagsOf, type Transport } from './message.ts'
import { cutTo, serverFailure } from './respond.ts'

/** Milliseconds for one resolver's answer, and for all of it: glibc gives up on us after 5 s (resolv.conf(5), timeout). */
const TRY_TIMEOUT = 2000
const WHOLE_TIMEOUT = 4500

/** How often each resolver is asked (resolv.conf(5), attempts). */
const ROUNDS = 2

const DNS_PORT = 53

/** @see forwardQuery */
export interface ForwardOptions {
  /** IPv4 or IPv6 literals, asked in this order. */
  readonly resolvers: readonly string[]
  /** The resolvers' port. Default 53. */
  readonly port?: number | undefined
  /** How the query came; what came over TCP is forwarded over TCP. */
  readonly over: Transport
  /** Most bytes that its sender takes in a response. */
  readonly limit: number
  /** Ends the waiting and closes all sockets. */
  readonly signal: AbortSignal
}

/**
 * Asks resolvers, one after the other, until one has an answer. A resolver that fails or refuses is passed over while there is another.
 *
 * @param query well-formed, with one question
 * @returns the response with the query's ID and within its sender's limit; a "server failure" when nobody answered
 */
export async function forwardQuery(query: Buffer, options: ForwardOptions): Promise<Buffer> {
  const deadline = now() + WHOLE_TIMEOUT
  let poor: Buffer | undefined
  for (let round = 0; round < ROUNDS && !poor; round++) {
    for (const address of options.resolvers) {
      const answer = await ask(query, address, deadline, options)
      if (answer && !failed(answer)) return finish(query, answer, options.limit)
      poor ??= answer
    }
  }
  return poor ? finish(query, poor, options.limit) : serverFailure(query)
}

/** An ID that nobody can guess goes out instead of the client's, which a container may have chosen. */
async function ask(
  query: Buffer,
  address: string,
  deadline: number,
  options: ForwardOptions,
): Promise<Buffer | undefined> {
  const { port = DNS_PORT, over, limit, signal } = options
  const fresh = Buffer.from(query)
  fresh.writeUInt16BE(randomInt(0x1_0000), 0)
  const asked = (): Asked => ({ address, port, signal, timeout: Math.min(TRY_TIMEOUT, deadline - now()) })
  if (deadline <= now() || signal.aborted) return undefined
  if (over === 'tcp') return askOverTcp(fresh, asked())
  const answer = await askOverUdp(fresh, asked())
  if (!answer || !(flagsOf(answer) & FLAGS.truncated)) return answer
  // What is left of a cut answer is better than nothing, for who cannot take the whole one nor come back over TCP.
  const whole = await askOverTcp(fresh, asked())
  return whole && whole.length <= limit ? whole : answer
}

function finish(query: Buffer, answer: Buffer, limit: number): Buffer {
  return cutTo(asAnswerTo(query, answer), limit)
}
