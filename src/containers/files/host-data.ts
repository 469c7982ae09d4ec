import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { AirplantError } from '../../errors.ts'
import { holeOf } from '../../rootless/files/holes.ts'
import { unreadable } from './unreadable.ts'

const CHUNK = 256 * 1024

// O_NONBLOCK: what was a file may be a fifo by now.
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * Content of a file of the host: exactly as many bytes as were promised, also of a file that is growing.
 *
 * @param isSparse zeros come as holes
 * @throws {AirplantError} `ERR_SOURCE_MISSING` also when it became shorter meanwhile
 */
export async function* hostData(path: string, size: number, isSparse: boolean): AsyncGenerator<Buffer> {
  if (size === 0) return
  const file = await open(path, FLAGS).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  try {
    for (let left = size; left > 0;) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK, left))
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null).catch((error: unknown) => {
        throw unreadable(path, error)
      })
      if (bytesRead === 0) throw shrunk(path)
      left -= bytesRead
      const bytes = buffer.subarray(0, bytesRead)
      const zeros = isSparse ? holeOf(bytesRead) : undefined
      yield zeros?.equals(bytes) ? zeros : bytes
    }
  } finally {
    await file.close()
  }
}

function shrunk(path: string): AirplantError {
  return new AirplantError({
    code: 'ERR_SOURCE_MISSING',
    phase: 'copy',
    message: `Cannot copy "${path}": it became shorter while it was read`,
    hint: 'Copy it when nobody writes to it',
    detail: path,
  })
}
