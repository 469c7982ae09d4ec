/**
 * Keeps account of what the keeper may send. It is allowed `size` bytes that nobody has consumed; allowance is returned in large
 * pieces, so that a reader of many small chunks does not send as many frames.
 */
export class CreditWindow {
  readonly #size: number
  readonly #grant: (bytes: number) => void
  /** What the keeper may still send, as the keeper counts it: a log's last record may go below zero, which it takes for zero. */
  #available: number
  #unconsumed = 0

  constructor(size: number, grant: (bytes: number) => void) {
    this.#size = size
    this.#available = size
    this.#grant = grant
  }

  received(bytes: number): void {
    this.#available = Math.max(0, this.#available - bytes)
    this.#unconsumed += bytes
  }

  consumed(bytes: number): void {
    this.#unconsumed -= bytes
    const bytesToGrant = this.#size - this.#available - this.#unconsumed
    if (bytesToGrant * 2 < this.#size) return
    this.#available += bytesToGrant
    this.#grant(bytesToGrant)
  }
}
