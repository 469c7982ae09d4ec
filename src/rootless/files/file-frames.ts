import { FrameCutter } from '../protocol/frame-cutter.ts'

/** Bytes before a body: size and type. */
export const FILE_HEADER = 5

/** Largest body of a `data` frame, in bytes. */
export const DATA_MAX = 16 * 1024 * 1024

/** Largest body of any other frame. */
export const FILE_FRAME_MAX = 1024 * 1024

/** Types of frames of docs/files.md. */
export const fileFrames = {
  begin: 1,
  entry: 2,
  data: 3,
  hole: 4,
  finish: 5,
  read: 6,
  stat: 7,
  remove: 8,
  usage: 9,
  done: 100,
  error: 101,
} as const

/** One frame. The body may be a view of a larger buffer, which nobody writes to again. */
export interface FileFrame {
  readonly type: number
  readonly body: Buffer
}

/** Cuts chunks into frames, of up to 16 MiB. */
export class FileFrameReader extends FrameCutter<FileFrame> {
  constructor() {
    super({ header: FILE_HEADER, most: DATA_MAX, make: (bytes, at, body) => ({ type: bytes.readUInt8(at + 4), body }) })
  }
}
