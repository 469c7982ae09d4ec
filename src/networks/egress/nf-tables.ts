import { NetlinkBatch, CREATE } from '../netlink/netlink-batch.ts'

// linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h
const SUBSYSTEM = 10
const BATCH_BEGIN = 0x10
const BATCH_END = 0x11
const NEWTABLE = 0
const NEWCHAIN = 3
const NEWRULE = 6
const NLM_F_APPEND = 0x800
const FAMILY_INET = 1
const REGISTER = 1
const VERDICT_REGISTER = 0

/** A chain that the kernel calls. */
export interface BaseChain {
  readonly name: string
  readonly type: 'filter' | 'nat'
  /** NF_INET_* number of the place. */
  readonly hook: number
  readonly priority: number
  readonly policy: 'accept' | 'drop'
}

/** One part of a rule: a test, or what is done. */
export type Expression = (batch: NetlinkBatch) => void

/** A transaction that makes one table with its chains and rules, for IPv4 and IPv6. */
export class TableBatch {
  readonly #batch = new NetlinkBatch()
  readonly #table: string

  constructor(table: string) {
    this.#table = table
    this.#batch.optional(BATCH_BEGIN, 0, header(0, SUBSYSTEM))
    this.#add(NEWTABLE, CREATE, () => this.#batch.text(1, table))
  }

  chain({ name, type, hook, priority, policy }: BaseChain): this {
    this.#add(NEWCHAIN, CREATE, () => {
      this.#batch.text(1, this.#table)
      this.#batch.text(3, name)
      this.#batch.nested(4, () => {
        this.#batch.bytes(1, be32(hook))
        this.#batch.bytes(2, be32(priority))
      })
      this.#batch.bytes(5, be32(policy === 'accept' ? 1 : 0))
      this.#batch.text(7, type)
    })
    return this
  }

  rule(chain: string, ...expressions: readonly Expression[]): this {
    this.#add(NEWRULE, CREATE | NLM_F_APPEND, () => {
      this.#batch.text(1, this.#table)
      this.#batch.text(2, chain)
      this.#batch.nested(4, () => expressions.forEach((add) => this.#batch.nested(1, () => add(this.#batch))))
    })
    return this
  }

  /** The messages. Only the last, which changes nothing, asks for an answer; one that fails is answered anyway, and before. */
  encode(): Buffer {
    const type = (SUBSYSTEM << 8) | NEWTABLE
    this.#batch.message(type, 0, header(FAMILY_INET, 0), () => this.#batch.text(1, this.#table))
    this.#batch.optional(BATCH_END, 0, header(0, SUBSYSTEM))
    return this.#batch.encode()
  }

  #add(message: number, flags: number, attributes: () => void): void {
    this.#batch.optional((SUBSYSTEM << 8) | message, flags, header(FAMILY_INET, 0), attributes)
  }
}

/** The packet comes in by (4), or goes out by (5), the interface with that index. */
export function interfaceIs(key: 'in' | 'out', index: number): Expression[] {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(index)
  return [load('meta', key === 'in' ? 4 : 5), equals(bytes)]
}

/** The packet is of that protocol, so that what follows finds its header. */
function familyIs(family: 4 | 6): Expression[] {
  return [load('meta', 15), equals(Uint8Array.of(family === 4 ? 2 : 10))]
}

/** The destination begins with these bytes. */
export function destinationBegins(family: 4 | 6, bytes: Uint8Array): Expression[] {
  const offset = family === 4 ? 16 : 24
  const payload = expression('payload', (batch) => {
    batch.bytes(1, be32(REGISTER))
    batch.bytes(2, be32(1))
    batch.bytes(3, be32(offset))
    batch.bytes(4, be32(bytes.length))
  })
  return [...familyIs(family), payload, equals(bytes)]
}

/** The packet belongs to a connection that was let through before. */
export function isEstablished(): Expression[] {
  const mask = Buffer.alloc(4)
  // Bits of "established" and "related", in this machine's byte order.
  mask.writeUInt32LE(0x6)
  const masked = expression('bitwise', (batch) => {
    batch.bytes(1, be32(REGISTER))
    batch.bytes(2, be32(REGISTER))
    batch.bytes(3, be32(4))
    batch.nested(4, () => batch.bytes(1, mask))
    batch.nested(5, () => batch.bytes(1, be32(0)))
  })
  return [load('ct', 0), masked, compare(1, be32(0))]
}

export function verdict(what: 'accept' | 'drop'): Expression {
  return expression('immediate', (batch) => {
    batch.bytes(1, be32(VERDICT_REGISTER))
    batch.nested(2, () => batch.nested(2, () => batch.bytes(1, be32(what === 'accept' ? 1 : 0))))
  })
}

/** The packet gets the outgoing interface's own address. */
export const masquerade: Expression = (batch) => batch.text(1, 'masq')

function load(what: 'meta' | 'ct', key: number): Expression {
  return expression(what, (batch) => {
    batch.bytes(1, be32(REGISTER))
    batch.bytes(2, be32(key))
  })
}

function equals(value: Uint8Array): Expression {
  return compare(0, value)
}

function compare(operation: number, value: Uint8Array): Expression {
  return expression('cmp', (batch) => {
    batch.bytes(1, be32(REGISTER))
    batch.bytes(2, be32(operation))
    batch.nested(3, () => batch.bytes(1, value))
  })
}

function expression(name: string, data: (batch: NetlinkBatch) => void): Expression {
  return (batch) => {
    batch.text(1, name)
    batch.nested(2, () => data(batch))
  }
}

/** `struct nfgenmsg`. */
function header(family: number, resource: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt8(family, 0)
  bytes.writeUInt16BE(resource, 2)
  return bytes
}

function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
