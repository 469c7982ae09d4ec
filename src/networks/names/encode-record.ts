import dnsPacket from 'dns-packet'
import { isIPv4 } from 'node:net'
import { HEADER_BYTES } from './message.ts'
import { MOST_DATAGRAM_BYTES, type Query } from './read-query.ts'

/**
 * Seconds for which an answer may be kept. A container that comes back may have another address, and its old one another container.
 * Not 0, which some caches replace with a default of their own.
 */
const TTL_SECONDS = 1

/** RFC 1035, 4.1.4: the name that stands behind the header, which is the question's. */
const QUESTION_NAME = Buffer.from([0xc0, HEADER_BYTES])

const DNSSEC_OK = 0x8000

/** A record of the question's name with one of its addresses. */
export function addressRecord(address: string): Buffer {
  return recordOfQuestion({ name: '.', type: isIPv4(address) ? 'A' : 'AAAA', ttl: TTL_SECONDS, data: address })
}

/** A record that says what the question's address is called. */
export function nameRecord(name: string): Buffer {
  return recordOfQuestion({ name: '.', type: 'PTR', ttl: TTL_SECONDS, data: name })
}

/** The OPT record that a query with one is answered with (RFC 6891, 6.1.1; DO is repeated: RFC 3225, 3). */
export function optRecord(edns: NonNullable<Query['edns']>, rcode: number): Buffer {
  return encodeAlone({
    name: '.',
    type: 'OPT',
    udpPayloadSize: MOST_DATAGRAM_BYTES,
    extendedRcode: rcode >> 4,
    ednsVersion: 0,
    flags: edns.dnssecOk ? DNSSEC_OK : 0,
    flag_do: edns.dnssecOk,
    options: [],
  })
}

/** The library compresses no names: the root's single byte makes place for a pointer to the question's. */
function recordOfQuestion(record: dnsPacket.Answer): Buffer {
  return Buffer.concat([QUESTION_NAME, encodeAlone(record).subarray(1)])
}

function encodeAlone(record: dnsPacket.Answer): Buffer {
  return dnsPacket.encode({ answers: [record] }).subarray(HEADER_BYTES)
}
