/**
 * Tar archives made by hand, byte by byte, so that they can be as wrong or hostile as a test needs. Nothing of the product is used, and nothing is
 * checked.
 *
 * @example
 * const evil = tarArchive(tarSymlink('etc', '/'), tarFile('etc/passwd', 'root::0:0'))
 */
export interface HeaderFields {
  name?: string | Buffer
  mode?: number
  /** Numbers as octal digits; a Buffer goes in as it is. */
  uid?: number | Buffer
  gid?: number | Buffer
  size?: number | Buffer
  mtime?: number | Buffer
  /** Type flag. `'0'` is a file, `'1'` a hard link, `'2'` a symlink, `'3'` and `'4'` devices, `'5'` a directory, `'6'` a fifo. */
  type?: string
  link?: string | Buffer
  /** Magic and version, 8 bytes. */
  magic?: string
  prefix?: string
  major?: number
  minor?: number
  /** Added to the right checksum. */
  checksumError?: number
  /** Bytes put over the block at the end, before the checksum: `[at, bytes]`. */
  patch?: readonly (readonly [number, Buffer | string])[]
}

/** Magic of POSIX (the default), of GNU tar, and of the time before. */
export const magic = { posix: 'ustar\x0000', gnu: 'ustar  \0', none: '\0\0\0\0\0\0\0\0' }

/** The two blocks of zeros that end an archive. */
export const END = Buffer.alloc(1024)

/** One header block. */
export function tarHeader(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(512)
  const put = (at: number, size: number, value: string | Buffer): void => {
    Buffer.from(value).copy(block, at, 0, size)
  }
  const number = (at: number, size: number, value: number | Buffer = 0): void =>
    put(at, size, typeof value === 'number' ? `${value.toString(8).padStart(size - 1, '0')}\0` : value)
  put(0, 100, fields.name ?? '')
  number(100, 8, fields.mode ?? 0o644)
  number(108, 8, fields.uid)
  number(116, 8, fields.gid)
  number(124, 12, fields.size)
  number(136, 12, fields.mtime ?? 1_700_000_000)
  put(156, 1, fields.type ?? '0')
  put(157, 100, fields.link ?? '')
  put(257, 8, fields.magic ?? magic.posix)
  number(329, 8, fields.major)
  number(337, 8, fields.minor)
  if (fields.prefix !== undefined) put(345, 155, fields.prefix)
  for (const [at, bytes] of fields.patch ?? []) put(at, 512 - at, bytes)
  block.fill(' ', 148, 156)
  const sum = block.reduce((all, byte) => all + byte, 0) + (fields.checksumError ?? 0)
  put(148, 8, `${sum.toString(8).padStart(6, '0')}\0 `)
  return block
}

/** Header and padded content; the size is the content's unless it is given. */
export function tarEntry(fields: HeaderFields, content: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([tarHeader({ size: bytes.length, ...fields }), padded(bytes)])
}

export function tarFile(name: string, content: string | Buffer = '', fields: HeaderFields = {}): Buffer {
  return tarEntry({ name, ...fields }, content)
}

export function tarDirectory(name: string, fields: HeaderFields = {}): Buffer {
  return tarEntry({ name, type: '5', mode: 0o755, ...fields })
}

export function tarSymlink(name: string, link: string, fields: HeaderFields = {}): Buffer {
  return tarEntry({ name, link, type: '2', mode: 0o777, ...fields })
}

export function tarHardLink(name: string, link: string, fields: HeaderFields = {}): Buffer {
  return tarEntry({ name, link, type: '1', ...fields })
}

/** A PAX header for the entry after it (`x`), or for all (`g`). */
export function tarPax(records: readonly (readonly [string, string | Buffer])[], type: 'x' | 'g' = 'x'): Buffer {
  return tarEntry({ name: 'PaxHeaders.0/x', type }, Buffer.concat(records.map(paxRecord)))
}

/** `"<size> <key>=<value>\n"`. */
export function paxRecord([key, value]: readonly [string, string | Buffer]): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')])
  let size = rest.length
  while (size !== rest.length + String(size).length) size = rest.length + String(size).length
  return Buffer.concat([Buffer.from(String(size)), rest])
}

/** GNU's way to name the entry after it, or its link. */
export function tarLongName(name: string, type: 'L' | 'K' = 'L'): Buffer {
  return tarEntry({ name: '././@LongLink', type, magic: magic.gnu }, `${name}\0`)
}

/** The parts and the end mark. */
export function tarArchive(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, END])
}

/** A number in base 256, as GNU tar writes what needs more than the octal digits. */
export function wide(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  let rest = BigInt(value) & ((1n << BigInt(8 * size)) - 1n)
  for (let at = size - 1; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 0xffn)
  bytes[0]! |= 0x80
  return bytes
}

/** Filled with zeros to a whole number of blocks. */
export function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}
