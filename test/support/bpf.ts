/** What the kernel shows to a seccomp filter. */
export interface SeccompData {
  readonly nr: number
  readonly arch: number
  readonly args?: readonly bigint[]
}

/** A filter's verdict and how many instructions it took. */
export interface FilterRun {
  readonly verdict: number
  readonly steps: number
}

const sizeOfInstruction = 8
const sizeOfData = 64

/** Runs a seccomp filter as the kernel would, refusing what its checker (seccomp_check_filter) would refuse. */
export function runFilter(program: Uint8Array, { nr, arch, args = [] }: SeccompData): FilterRun {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength)
  const data = new DataView(new ArrayBuffer(sizeOfData))
  data.setUint32(0, nr, true)
  data.setUint32(4, arch, true)
  args.forEach((arg, index) => data.setBigUint64(16 + 8 * index, arg, true))

  let accumulator = 0
  let steps = 0
  for (let at = 0; ; at++) {
    const offset = at * sizeOfInstruction
    const op = code.getUint16(offset, true)
    const k = code.getUint32(offset + 4, true)
    const branch = (taken: boolean) => (at += code.getUint8(offset + (taken ? 2 : 3)))
    steps++
    if (op === 0x20) {
      if (k % 4 !== 0) throw new Error(`Unaligned load at ${at}`)
      accumulator = data.getUint32(k, true)
    } else if (op === 0x54) accumulator = (accumulator & k) >>> 0
    else if (op === 0x05) at += k
    else if (op === 0x15) branch(accumulator === k)
    else if (op === 0x25) branch(accumulator > k)
    else if (op === 0x35) branch(accumulator >= k)
    else if (op === 0x06) return { verdict: k, steps }
    else throw new Error(`Instruction 0x${op.toString(16)} at ${at} is not of the expected set`)
  }
}
