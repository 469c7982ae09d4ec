import { createHash } from 'node:crypto'
import type { FieldValue, OperationName } from './operations.ts'
import { operations } from './operations.ts'

/** One step of a plan, as {@link Plan} keeps it. */
export interface PlanStep {
  readonly name: OperationName
  readonly args: readonly FieldValue[]
}

const octal = new Set(['mode', 'mask'])
const hexadecimal = new Set(['attributes', 'set', 'clear', 'namespaces', 'bounding', 'permitted', 'ambient', 'type'])

/** A step in one line, the same text for the same step: `openTree slot=0 path="/etc" flags=3`. */
export function describeStep(step: PlanStep): string {
  const names: readonly string[] = operations[step.name][2]
  const fields = step.args.map((value, index) => `${names[index]}=${describeValue(names[index] ?? '', value)}`)
  return [step.name, ...fields].join(' ')
}

function describeValue(name: string, value: FieldValue): string {
  if (value instanceof Uint8Array) return describeBytes(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'object') return `[${value.map((text) => JSON.stringify(text)).join(', ')}]`
  if (value === 2n ** 64n - 1n) return 'infinity'
  if (octal.has(name)) return `0${value.toString(8)}`
  return hexadecimal.has(name) && value > 0 ? `0x${value.toString(16)}` : String(value)
}

function describeBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const printable = bytes.length <= 200 && /^[\P{C}\n\t]*$/u.test(text) && !text.includes('\ufffd')
  if (printable) return JSON.stringify(text)
  return `<${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}>`
}
