import { createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AirplantError } from '../errors.ts'
import { usageError } from './usage-error.ts'

/**
 * Refuses to write an archive to a terminal.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function checkOutput(output: string | undefined): void {
  if (output !== undefined || !process.stdout.isTTY) return
  throw usageError('Cannot write an archive to a terminal', 'Write -o FILE, or redirect the output')
}

/**
 * Writes an archive to a file, which appears when it is whole, or to stdout; there whoever reads may stop before its end.
 *
 * @throws {AirplantError} `ERR_FILE_FAILED`, `ERR_DISK_FULL`
 */
export async function writeArchive(stream: Readable, output: string | undefined): Promise<void> {
  if (output !== undefined) {
    await writeFile(stream, output)
    return
  }
  await pipeline(stream, process.stdout, { end: false }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  })
}

async function writeFile(stream: Readable, output: string): Promise<void> {
  const isSpecial = await stat(output).then(
    (found) => !found.isFile(),
    () => false,
  )
  // A device or pipe is written to, not replaced.
  const path = isSpecial ? output : `${output}.airplant-${process.pid}`
  const remove = (): void => void (isSpecial || rm(path, { force: true }).catch(() => undefined))
  try {
    await pipeline(stream, createWriteStream(path, { flags: isSpecial ? 'w' : 'wx' }))
    if (!isSpecial) await rename(path, output)
  } catch (error) {
    remove()
    const { code, syscall } = error as NodeJS.ErrnoException
    if (code === undefined || syscall === undefined) throw error
    const isFull = code === 'ENOSPC' || code === 'EDQUOT'
    throw new AirplantError({
      code: isFull ? 'ERR_DISK_FULL' : 'ERR_FILE_FAILED',
      message: `Cannot write "${output}": ${code}`,
      hint: isFull ? 'Free space, or write elsewhere' : 'Check that its directory is there and yours',
      detail: output,
      cause: error,
    })
  }
}
