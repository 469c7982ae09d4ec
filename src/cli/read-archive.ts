import { usageError } from './usage-error.ts'

/**
 * Where an archive comes from: a file, or stdin.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION` when stdin is a terminal
 */
export function archiveSource(input: string | undefined, how: string): string | AsyncIterable<Uint8Array> {
  if (input !== undefined) return input
  if (process.stdin.isTTY) throw usageError('Cannot read an archive from a terminal', how)
  return process.stdin
}
