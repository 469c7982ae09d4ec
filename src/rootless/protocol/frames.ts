import { FieldWriter } from './fields.ts'
import { FrameCutter } from './frame-cutter.ts'

/** Version of the protocol that `hello` carries. */
export const PROTOCOL_VERSION = 1

/** Bytes before a frame's body: size, type, zero, id. */
export const FRAME_HEADER = 12

/** Largest body of a frame, in bytes. */
export const FRAME_MAX = 16 * 1024 * 1024

/** What a client sends. */
export const clientFrames = {
  hello: 1,
  spawn: 2,
  signal: 3,
  stdin: 4,
  closeStdin: 5,
  credit: 6,
  resize: 7,
  logs: 8,
  endLogs: 9,
  pause: 10,
  resume: 11,
  remove: 12,
  readNet: 13,
  list: 14,
  pool: 16,
  shutdown: 17,
  linger: 18,
  keep: 19,
  adopt: 20,
  wait: 21,
} as const

/** What the keeper sends. */
export const keeperFrames = {
  ok: 100,
  error: 101,
  data: 102,
  end: 103,
  exit: 104,
  log: 105,
  logEnd: 106,
  stdinCredit: 107,
  dropped: 108,
} as const

/** One frame. The body may be a view of a larger buffer. */
export interface Frame {
  readonly type: number
  readonly id: number
  readonly body: Buffer
}

/** A writer for a frame's fields, to be given to {@link encodeFrame}. */
export function frameFields(expected?: number): FieldWriter {
  return new FieldWriter(FRAME_HEADER, expected)
}

/** The whole frame from fields written by {@link frameFields}. Throws a RangeError when it is over 16 MiB. */
export function encodeFrame(type: number, id: number, fields: FieldWriter): Buffer {
  const frame = fields.finish()
  writeHeader(frame, frame.length - FRAME_HEADER, type, id)
  return frame
}

/** Only the header of a frame whose raw body is sent as it is. */
export function encodeHeader(type: number, id: number, bodySize: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER)
  writeHeader(header, bodySize, type, id)
  return header
}

function writeHeader(frame: Buffer, size: number, type: number, id: number): void {
  checkSize(size)
  frame.writeUInt32LE(size, 0)
  frame.writeUInt16LE(type, 4)
  frame.writeUInt16LE(0, 6)
  frame.writeUInt32LE(id, 8)
}

function checkSize(size: number): void {
  if (size > FRAME_MAX) throw new RangeError(`A frame of ${size} bytes is over the limit of ${FRAME_MAX}`)
}

/** Cuts a stream of chunks into frames, of up to 16 MiB. */
export class FrameReader extends FrameCutter<Frame> {
  constructor() {
    const make = (bytes: Buffer, at: number, body: Buffer): Frame => ({
      type: bytes.readUInt16LE(at + 4),
      id: bytes.readUInt32LE(at + 8),
      body,
    })
    super({ header: FRAME_HEADER, most: FRAME_MAX, make })
  }
}
