const U32 = 2 ** 32
const U64_MAX = 2n ** 64n - 1n

/**
 * Appends fields of docs/protocol.md to a buffer that grows. Methods are named after the page's letters.
 *
 * @example
 * new FieldWriter().u(3).s('/etc').v(['a', 'b']).finish()
 */
export class FieldWriter {
  #bytes: Buffer
  #size: number

  /**
   * @param reserve bytes left free at the front, for a frame's header
   * @param expected bytes that will probably be written; more grow it
   */
  constructor(reserve = 0, expected = 512) {
    this.#bytes = Buffer.allocUnsafe(reserve + expected)
    this.#size = reserve
  }

  /** Bytes written so far, what was reserved included. */
  get size(): number {
    return this.#size
  }

  u(value: number | bigint): this {
    if (typeof value === 'bigint' ? value < 0n || value > U64_MAX : !Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`Cannot send ${value}: not an unsigned integer of 64 bits`)
    }
    const at = this.#grow(8)
    if (typeof value === 'bigint') {
      this.#bytes.writeBigUInt64LE(value, at)
    } else {
      this.#bytes.writeUInt32LE(value % U32, at)
      this.#bytes.writeUInt32LE(Math.floor(value / U32), at + 4)
    }
    return this
  }

  s(text: string): this {
    if (text.includes('\0')) throw new TypeError(`Cannot send ${JSON.stringify(text)}: it has a NUL character`)
    const size = Buffer.byteLength(text)
    const at = this.#grow(size + 5)
    this.#bytes.writeUInt32LE(size, at)
    this.#bytes.write(text, at + 4)
    this.#bytes[at + 4 + size] = 0
    return this
  }

  b(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes)
  }

  v(texts: readonly string[]): this {
    this.u32(texts.length)
    for (const text of texts) this.s(text)
    return this
  }

  u8(value: number): this {
    const at = this.#grow(1)
    this.#bytes.writeUInt8(value, at)
    return this
  }

  u16(value: number): this {
    const at = this.#grow(2)
    this.#bytes.writeUInt16LE(value, at)
    return this
  }

  u32(value: number): this {
    const at = this.#grow(4)
    this.#bytes.writeUInt32LE(value, at)
    return this
  }

  raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  /** Fills in a u32 that was written (or reserved) before its value was known. */
  patchU32(at: number, value: number): this {
    this.#bytes.writeUInt32LE(value, at)
    return this
  }

  /** What was written; a view, so nothing may be written afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  #grow(size: number): number {
    const at = this.#size
    this.#size = at + size
    if (this.#size > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#size))
      this.#bytes.copy(larger, 0, 0, at)
      this.#bytes = larger
    }
    return at
  }
}

/**
 * Reads what {@link FieldWriter} wrote. Throws a RangeError when the bytes end early; {@link FieldReader.end} when some are left.
 *
 * @example
 * const reader = new FieldReader(bytes)
 * const [slot, path, names] = [reader.u(), reader.s(), reader.v()]
 * reader.end()
 */
export class FieldReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  /** An integer that must be exact as a number; {@link FieldReader.big} is for the others. */
  u(): number {
    const value = this.big()
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError(`Malformed field: ${value} is too large`)
    return Number(value)
  }

  big(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8))
  }

  s(): string {
    const size = this.u32()
    const at = this.#take(size + 1)
    if (this.#bytes.indexOf(0, at) !== at + size)
      throw new RangeError('Malformed field: NUL in a text, or none after it')
    return this.#bytes.toString('utf8', at, at + size)
  }

  /** A view of the bytes, not a copy. */
  b(): Buffer {
    return this.raw(this.u32())
  }

  v(): string[] {
    const count = this.u32()
    if (count > this.left / 5) throw new RangeError(`Malformed field: no room for ${count} texts`)
    return Array.from({ length: count }, () => this.s())
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1))
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2))
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4))
  }

  raw(size: number): Buffer {
    const at = this.#take(size)
    return this.#bytes.subarray(at, at + size)
  }

  /** Refuses bytes after the last field. */
  end(): void {
    if (this.left > 0) throw new RangeError(`Malformed message: ${this.left} bytes after its last field`)
  }

  #take(size: number): number {
    if (size > this.left) throw new RangeError(`Malformed message: ${size} bytes expected, ${this.left} left`)
    const at = this.#at
    this.#at += size
    return at
  }
}
