import { isIP } from 'node:net'
import { addressRecord, nameRecord, optRecord } from './encode-record.ts'
import { FLAGS, flagsOf, HEADER_BYTES, RCODES, type Transport } from './message.ts'
import type { NameZone } from './name-zone.ts'
import { readQuery, responseLimit, type Query } from './read-query.ts'
import { respond } from './respond.ts'
import { addressOfReverse } from './reverse-name.ts'

/** Types and classes that are told apart here (RFC 1035, 3.2; AAAA: RFC 3596). */
const TYPES = { A: 1, PTR: 12, AAAA: 28, IXFR: 251, AXFR: 252, ANY: 255 } as const
const CLASSES = { IN: 1, ANY: 255 } as const

/** Below it are names that airplant gives, such as `host.airplant.internal`. The rest of `.internal` belongs to the machine's networks. */
const OWN_DOMAIN = 'airplant.internal'

const MOST_LABEL_BYTES = 63
const MOST_NAME_CHARACTERS = 253

/** What is known of a question: its records, or why there are none. */
interface Finding {
  readonly rcode: number
  readonly records?: readonly Buffer[]
}

/**
 * Answers a query from what a network knows. Anything may come in: nothing makes it throw, unless the zone does.
 *
 * Names that could be a member's (of one label), airplant's own and the network's own addresses are never asked elsewhere: a typing error
 * would be told to strangers, and a stranger's answer could stand for a container.
 *
 * @returns the response; `'forward'` when somebody else has to answer; undefined when nothing should
 */
export function answerQuery(message: Buffer, zone: NameZone, over: Transport): Buffer | 'forward' | undefined {
  // Answering responses is how two servers talk to each other forever.
  if (message.length < HEADER_BYTES || flagsOf(message) & FLAGS.response) return undefined
  if (flagsOf(message) & FLAGS.opcode) return respond(message, { rcode: RCODES.notImplemented })
  const query = readQuery(message)
  if (!query) return respond(message, { rcode: RCODES.malformed })
  const finding = find(query, zone)
  return finding ? write(message, query, finding, over) : 'forward'
}

/** Old resolvers (musl before 1.2.4) do not come back over TCP: as many records as fit go along with the flag that says that some are missing. */
function write(message: Buffer, query: Query, { rcode, records = [] }: Finding, over: Transport): Buffer {
  const limit = responseLimit(query, over)
  const additionals = query.edns ? [optRecord(query.edns, rcode)] : []
  const flags = rcode === RCODES.ok || rcode === RCODES.noSuchName ? FLAGS.authoritative : 0
  const whole = respond(message, { rcode, flags, answers: records, additionals })
  if (whole.length <= limit) return whole
  const sizes = records.map((record) => record.length)
  let size = whole.length
  let kept = records.length
  while (kept > 0 && size > limit) size -= sizes[--kept]!
  return respond(message, { rcode, flags: flags | FLAGS.truncated, answers: records.slice(0, kept), additionals })
}

/**
 * The response to a query of which {@link answerQuery} said `'forward'`, where nobody else is asked: what the zone does not know does not exist.
 * musl passes over a server that refuses, and waits until its timeout (5 s); glibc calls that and a server's failure "temporary".
 * Only this answer fails at once in both.
 */
export function denyQuery(message: Buffer, over: Transport): Buffer {
  return write(message, readQuery(message)!, { rcode: RCODES.noSuchName }, over)
}

/** undefined: not ours to know. */
function find(query: Query, zone: NameZone): Finding | undefined {
  // RFC 6891, 6.1.3.
  if (query.edns && query.edns.version > 0) return { rcode: RCODES.badVersion }
  const isTransfer = query.type === TYPES.AXFR || query.type === TYPES.IXFR
  const isInternet = query.class === CLASSES.IN || query.class === CLASSES.ANY
  if (isTransfer || !isInternet) return { rcode: RCODES.refused }
  return findReverse(query, zone) ?? findName(query, zone)
}

function findName({ name, labels, type }: Query, zone: NameZone): Finding | undefined {
  const addresses = zone.addressesOf(name)
  if (addresses) {
    const wanted = addresses.filter((address) => isWanted(typeOf(address), type))
    return { rcode: RCODES.ok, records: wanted.map(addressRecord) }
  }
  const isOurs = labels === 1 || name === OWN_DOMAIN || name.endsWith(`.${OWN_DOMAIN}`)
  return isOurs ? { rcode: RCODES.noSuchName } : undefined
}

function findReverse({ name, type }: Query, zone: NameZone): Finding | undefined {
  const address = addressOfReverse(name)
  if (address === undefined || !zone.isOwn(address)) return undefined
  const found = zone.nameOf(address)
  if (found === undefined || !fitsOnWire(found)) return { rcode: RCODES.noSuchName }
  return { rcode: RCODES.ok, records: isWanted(TYPES.PTR, type) ? [nameRecord(found)] : [] }
}

function isWanted(type: number | undefined, asked: number): boolean {
  return type !== undefined && (asked === type || asked === TYPES.ANY)
}

/** What is no address has no type, so nobody gets it. */
function typeOf(address: string): number | undefined {
  return { 4: TYPES.A, 6: TYPES.AAAA }[isIP(address)]
}

/** A container's name may be longer than a label: the library would write it all the same, as something else. */
function fitsOnWire(name: string): boolean {
  const labels = name.split('.')
  return (
    name.length <= MOST_NAME_CHARACTERS &&
    labels.every((label) => label !== '' && Buffer.byteLength(label) <= MOST_LABEL_BYTES)
  )
}
