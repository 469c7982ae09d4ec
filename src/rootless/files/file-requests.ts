import { FieldReader, FieldWriter } from '../protocol/fields.ts'
import { decodeEntry } from './decode-entry.ts'
import type { FileConnection } from './file-connection.ts'
import type { FileEntry } from './file-entry.ts'
import type { FileFrame } from './file-frames.ts'
import { FILE_HEADER, fileFrames } from './file-frames.ts'

/** What files take on the disk. */
export interface FileUsage {
  /** Bytes of the blocks that they occupy; a file with several names counts once. */
  readonly bytes: number
  /** How many there are, the one that was asked for included. */
  readonly entries: number
}

/** One file's entry; undefined when there is none. */
export function statFile(
  connection: FileConnection,
  path: string,
  options: { follow: boolean },
): Promise<FileEntry | undefined> {
  return connection.exclusive(async () => {
    connection.send(fileFrames.stat, fields().s(path).u(Number(options.follow)))
    const frame = await connection.next()
    if (frame.type === fileFrames.done) return undefined
    return decodeBefore(frame, await connection.next())
  })
}

/** Removes a file, or a directory with all below it, if it is there. */
export function removeFile(connection: FileConnection, path: string): Promise<void> {
  return connection.exclusive(async () => {
    connection.send(fileFrames.remove, fields().s(path))
    await connection.next()
  })
}

/** What a file, or a directory with all below it, takes. What is mounted below it does not count. */
export function measureFiles(connection: FileConnection, path: string): Promise<FileUsage> {
  return connection.exclusive(async () => {
    connection.send(fileFrames.usage, fields().s(path))
    const answer = new FieldReader((await connection.next()).body)
    const usage = { bytes: answer.u(), entries: answer.u() }
    answer.end()
    return usage
  })
}

function fields(): FieldWriter {
  return new FieldWriter(FILE_HEADER, 64)
}

// The end of the answer is taken before an entry is refused, so that the next answer is that of the next request.
function decodeBefore(frame: FileFrame, end: FileFrame): FileEntry {
  if (frame.type !== fileFrames.entry || end.type !== fileFrames.done) throw new RangeError('Malformed answer')
  return decodeEntry(frame.body)
}
