import { invalidArchive } from './tar-error.ts'

/** One record of a PAX header. Values are bytes: extended attributes need not be text. Keys may occur again. */
export type PaxRecord = readonly [key: string, value: Buffer]

/**
 * Reads the content of a PAX header: records `"<size> <key>=<value>\n"`, where the size counts the whole record.
 *
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE`
 */
export function decodePax(bytes: Buffer, at: number): PaxRecord[] {
  const records: PaxRecord[] = []
  let start = 0
  while (start < bytes.length) {
    const blank = bytes.indexOf(0x20, start)
    const digits = blank < 0 || blank - start > 10 ? '' : bytes.toString('latin1', start, blank)
    const size = /^[0-9]+$/.test(digits) ? Number(digits) : 0
    const end = start + size
    const equals = bytes.indexOf(0x3d, blank)
    const whole = size > 0 && end <= bytes.length && bytes[end - 1] === 0x0a
    if (!whole || equals <= blank + 1 || equals >= end - 1) {
      throw invalidArchive(`The PAX header at byte ${at} is malformed`)
    }
    records.push([bytes.toString('utf8', blank + 1, equals), bytes.subarray(equals + 1, end - 1)])
    start = end
  }
  return records
}

/** The content of a PAX header with these records, in their order. */
export function encodePax(records: readonly PaxRecord[]): Buffer {
  return Buffer.concat(
    records.flatMap(([key, value]) => {
      const rest = Buffer.byteLength(key) + value.length + 3
      let size = rest + String(rest).length
      // One more digit may be needed because of the digits themselves.
      if (rest + String(size).length > size) size++
      return [Buffer.from(`${size} ${key}=`), value, Buffer.from('\n')]
    }),
  )
}
