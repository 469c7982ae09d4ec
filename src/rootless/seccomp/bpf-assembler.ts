import { AirplantError } from '../../errors.ts'

/** Where a jump goes: an instruction already written, or the end of the program with a value. */
export type Target = { readonly at: number } | { readonly returns: number }

/** Conditional jumps of classic BPF that the kernel's per-call cache of seccomp verdicts understands. */
export const jumps = { equal: 0x15, greater: 0x25, greaterOrEqual: 0x35 } as const

const LOAD_WORD = 0x20
const AND = 0x54
const JUMP_ALWAYS = 0x05
const RETURN = 0x06

const sizeOfInstruction = 8
// BPF_MAXINSNS in linux/bpf_common.h.
const mostInstructions = 4096
// A conditional jump reaches 255 instructions; one less leaves room for the trampoline of its other branch.
const reach = 254

/**
 * Writes a classic BPF program from its end to its start: jumps only go forward, so every target is already in place
 * and its distance known. Conditional jumps have 8 bits, so a far target gets a trampoline, a far return a copy.
 */
export class BpfAssembler {
  readonly #code: { op: number; yes: number; no: number; k: number }[] = []
  readonly #returns = new Map<number, number>()

  /** `test` of the accumulator against `k`. */
  branch(test: number, k: number, yes: Target, no: Target): Target {
    const noAt = this.#near(no)
    const yesAt = this.#near(yes)
    const last = this.#code.length - 1
    return this.#push(test, k, last - yesAt, last - noAt)
  }

  /** Loads the 32-bit word at an offset in struct seccomp_data, then goes on with `next`. */
  load(offset: number, next: Target): Target {
    this.#fallInto(next)
    return this.#push(LOAD_WORD, offset)
  }

  /** Masks the accumulator, then goes on with `next`. */
  and(mask: number, next: Target): Target {
    this.#fallInto(next)
    return this.#push(AND, mask)
  }

  /** The program, an array of struct sock_filter, little endian. The instruction written last is its first. */
  toBytes(): Uint8Array {
    const size = this.#code.length
    if (size > mostInstructions) {
      throw new AirplantError({
        code: 'ERR_INVALID_OPTION',
        message: `The seccomp profile needs ${size} instructions, the kernel takes ${mostInstructions}`,
        hint: 'Use fewer argument conditions in the profile',
      })
    }
    const bytes = new Uint8Array(size * sizeOfInstruction)
    const view = new DataView(bytes.buffer)
    this.#code.forEach(({ op, yes, no, k }, index) => {
      const offset = (size - 1 - index) * sizeOfInstruction
      view.setUint16(offset, op, true)
      view.setUint8(offset + 2, yes)
      view.setUint8(offset + 3, no)
      view.setUint32(offset + 4, k, true)
    })
    return bytes
  }

  #push(op: number, k: number, yes = 0, no = 0): { at: number } {
    return { at: this.#code.push({ op, yes, no, k }) - 1 }
  }

  #near(target: Target): number {
    if ('returns' in target) return this.#nearReturn(target.returns)
    const distance = this.#code.length - target.at
    return distance <= reach ? target.at : this.#push(JUMP_ALWAYS, distance - 1).at
  }

  #nearReturn(value: number): number {
    const known = this.#returns.get(value)
    if (known !== undefined && this.#code.length - known <= reach) return known
    const { at } = this.#push(RETURN, value)
    this.#returns.set(value, at)
    return at
  }

  #fallInto(target: Target): void {
    const last = this.#code.length - 1
    if ('returns' in target) this.#push(RETURN, target.returns)
    else if (target.at !== last) this.#push(JUMP_ALWAYS, last - target.at)
  }
}
