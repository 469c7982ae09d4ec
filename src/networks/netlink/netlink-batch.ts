import type { Plan } from '../../rootless/protocol/plan.ts'

// linux/netlink.h
const NLM_F_REQUEST = 0x1
const NLM_F_ACK = 0x4
const NLA_F_NESTED = 0x8000

/** Flags of a message that makes something that must not be there yet: NLM_F_CREATE and NLM_F_EXCL. */
export const CREATE = 0x600

/** Index of the loopback interface: the first of every network namespace. */
export const LOOPBACK = 1

/**
 * Messages for the kernel's routing socket (rtnetlink(7)), one after another, as the plan step `netlink` sends them. Descriptors that
 * only the plan's process knows are noted as places that the step fills in.
 */
export class NetlinkBatch {
  #bytes = Buffer.alloc(1024)
  #size = 0
  /** The same without the padding of the last attribute. */
  #end = 0
  readonly #places: [offset: number, slot: number][] = []

  /** One message: its fixed part, then the attributes that `attributes` writes. */
  message(type: number, flags: number, fixed: Uint8Array, attributes: () => void = () => undefined): this {
    const start = this.#size
    this.#room(16)
    this.#size += 16
    this.#raw(fixed)
    attributes()
    this.#bytes.writeUInt32LE(this.#size - start, start)
    this.#bytes.writeUInt16LE(type, start + 4)
    this.#bytes.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK | flags, start + 6)
    return this
  }

  /** The same without asking for an answer: for what older kernels refuse, and within transactions. */
  optional(type: number, flags: number, fixed: Uint8Array, attributes?: () => void): this {
    const start = this.#size
    this.message(type, flags, fixed, attributes)
    this.#bytes.writeUInt16LE(NLM_F_REQUEST | flags, start + 6)
    return this
  }

  bytes(type: number, value: Uint8Array): void {
    this.#attribute(type, () => this.#raw(value))
  }

  u8(type: number, value: number): void {
    this.bytes(type, Uint8Array.of(value))
  }

  u32(type: number, value: number): void {
    this.bytes(type, u32(value))
  }

  text(type: number, value: string): void {
    this.bytes(type, Buffer.from(`${value}\0`))
  }

  /** A descriptor of the plan, by its slot. */
  descriptor(type: number, slot: number): void {
    this.#attribute(type, () => {
      this.#places.push([this.#size, slot])
      this.#raw(u32(0))
    })
  }

  nested(type: number, attributes: () => void): void {
    this.#attribute(type | NLA_F_NESTED, attributes)
  }

  /** Bytes as they are, within an attribute. */
  fixed(value: Uint8Array): void {
    this.#raw(value)
  }

  /** The messages' bytes. */
  encode(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  /** Adds the step that sends them. */
  addTo(plan: Plan): Plan {
    return plan.netlink(this.encode(), Buffer.concat(this.#places.flat().map(u32)))
  }

  #attribute(type: number, content: () => void): void {
    const start = this.#size
    this.#room(4)
    this.#size += 4
    this.#end = this.#size
    content()
    // The size that is written is without the padding.
    this.#bytes.writeUInt16LE(this.#end - start, start)
    this.#bytes.writeUInt16LE(type, start + 2)
  }

  #raw(value: Uint8Array): void {
    this.#room(value.length + 3)
    this.#bytes.set(value, this.#size)
    this.#end = this.#size + value.length
    this.#size = (this.#end + 3) & ~3
  }

  #room(more: number): void {
    if (this.#size + more <= this.#bytes.length) return
    const larger = Buffer.alloc(2 * (this.#size + more))
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
