import dnsPacket from 'dns-packet'
import type { NameZone } from '../../../src/networks/names/name-zone.ts'

/** Numbers of types that tests ask for. */
export const TYPE = {
  A: 1,
  NS: 2,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
}

/** @see query */
export interface QueryInit {
  readonly id?: number
  readonly name?: string | readonly Buffer[]
  readonly type?: number
  readonly class?: number
  readonly flags?: number
  /** The size that an OPT record offers; undefined: no such record. */
  readonly edns?: number | undefined
  readonly ednsVersion?: number
  readonly ednsFlags?: number
}

/** A query, written by hand: the library is what is tested with it. */
export function query(init: QueryInit = {}): Buffer {
  const { id = 0x1234, name = 'db', type = TYPE.A, class: klass = 1, flags = 0x0100, edns } = init
  const { ednsVersion = 0, ednsFlags = 0 } = init
  return Buffer.concat([
    shorts(id, flags, 1, 0, 0, edns === undefined ? 0 : 1),
    wireName(name),
    shorts(type, klass),
    ...(edns === undefined
      ? []
      : [Buffer.from([0]), shorts(41, edns), Buffer.from([0, ednsVersion]), shorts(ednsFlags, 0)]),
  ])
}

export function wireName(name: string | readonly Buffer[]): Buffer {
  const labels =
    typeof name === 'string'
      ? name
          .split('.')
          .filter(Boolean)
          .map((label) => Buffer.from(label))
      : name
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])])
}

export function shorts(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length)
  values.forEach((value, at) => bytes.writeUInt16BE(value, 2 * at))
  return bytes
}

/** A response as tests want to compare it. */
export interface Seen {
  id: number
  rcode: number
  /** Those of aa, tc, rd, ra, cd that are set. */
  flags: string
  question: string | undefined
  answers: readonly string[]
  edns: { size: number; extendedRcode: number; dnssecOk: boolean } | undefined
}

export function read(message: Buffer): Seen {
  const { id, flags = 0, questions = [], answers = [], additionals = [] } = dnsPacket.decode(message)
  const opt = additionals.find((record) => record.type === 'OPT')
  const names = { aa: 0x400, tc: 0x200, rd: 0x100, ra: 0x80, ad: 0x20, cd: 0x10 }
  return {
    id: id!,
    rcode: flags & 15,
    flags: Object.entries(names)
      .flatMap(([name, bit]) => (flags & bit ? [name] : []))
      .join(' '),
    question: questions[0] && `${questions[0].name} ${questions[0].type}`,
    answers: answers.map(
      (record) => `${(record as { name: string }).name} ${record.type} ${String((record as { data?: unknown }).data)}`,
    ),
    edns:
      opt?.type === 'OPT'
        ? { size: opt.udpPayloadSize, extendedRcode: opt.extendedRcode, dnssecOk: opt.flag_do }
        : undefined,
  }
}

/** A zone of a few members, and one name that many containers share. */
export const zone: NameZone = {
  addressesOf: (name) => new Map(Object.entries(addresses)).get(name),
  nameOf: (address) => ({ '172.30.0.2': 'db', 'fd00::2': 'db', '172.30.0.9': 'n'.repeat(64) })[address],
  isOwn: (address) => address.startsWith('172.30.0.') || address.startsWith('fd00::'),
}

const addresses: Record<string, readonly string[]> = {
  db: ['172.30.0.2', 'fd00::2'],
  'db.shop.test': ['172.30.0.2'],
  v6: ['fd00::6'],
  bare: [],
  odd: ['not an address', '172.30.0.3'],
  web: Array.from({ length: 200 }, (_, at) => `172.30.0.${at + 1}`),
  'host.airplant.internal': ['172.30.0.1'],
  bücher: ['172.30.0.7'],
}
