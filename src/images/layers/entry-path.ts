import { AirplantError } from '../../errors.ts'
import { quoteBriefly } from '../quote-briefly.ts'
import { overLimit } from '../tar/tar-error.ts'

const NAME_MAX = 255
const PATH_MAX = 4095

/**
 * A name of an archive as a path relative to the target: without leading `/` and `./`, without empty and `.` components. `''` is the
 * target itself. Symlinks are the file worker's business: it resolves with the target as root.
 *
 * @throws {AirplantError} `ERR_UNSAFE_ARCHIVE` for `..` and NUL, `ERR_ARCHIVE_LIMIT` for what no Linux file system takes, or deeper than the limit
 */
export function entryPath(name: string, depth: number): string {
  if (isPlain(name, depth)) return name
  if (name.includes('\0')) throw unsafePath(name, 'it holds a NUL')
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw unsafePath(name, 'it holds ".."')
  if (parts.length > depth)
    throw overLimit(`${quoteBriefly(name)} lies ${parts.length} directories deep`, `limits.depth (${depth})`)
  if (parts.some((part) => Buffer.byteLength(part) > NAME_MAX) || Buffer.byteLength(name) > PATH_MAX) {
    throw overLimit(
      `${quoteBriefly(name)} is longer than a file's name can be (255 bytes, a path 4095)`,
      'nothing: rename it',
    )
  }
  return parts.join('/')
}

export function unsafePath(name: string, reason: string): AirplantError {
  return new AirplantError({
    code: 'ERR_UNSAFE_ARCHIVE',
    message: `Cannot unpack ${quoteBriefly(name)}: ${reason}`,
    phase: 'unpack',
    hint: 'The archive is damaged or hostile: do not use it',
  })
}

// Nearly all names need nothing done, and there are many.
function isPlain(name: string, depth: number): boolean {
  return name.length <= 85 && depth >= 64 && /^[^\0./][^\0./]*(?:\.[^\0./]+)*(?:\/[^\0./]+(?:\.[^\0./]+)*)*$/.test(name)
}
