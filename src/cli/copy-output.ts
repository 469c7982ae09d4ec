import type { Readable, Writable } from 'node:stream'

/**
 * Copies until the end, no faster than the destination takes it; false when its reader went away. Waiting for each write keeps memory
 * bounded, and nothing is lost when Node exits right afterwards.
 *
 * @param open gives the destination when there is something to write: opening Node's own costs milliseconds
 */
export async function copyOutput(from: Readable, open: () => Writable): Promise<boolean> {
  let to: Writable | undefined
  for await (const chunk of from) {
    to ??= withoutErrorEvents(open())
    if (!(await writeChunk(to, chunk as Buffer))) return false
  }
  return true
}

/** The callback of each write has the error; without a listener the event would end Node. */
export function withoutErrorEvents(to: Writable): Writable {
  return to.on('error', () => undefined)
}

/** Writes, and waits until it has left; false when nobody reads it any more. The stream must have a listener for errors. */
export function writeChunk(to: Writable, chunk: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    to.write(chunk, (error) => {
      if (!error) resolve(true)
      else if (isReaderGone(error)) resolve(false)
      else reject(error)
    })
  })
}

// EIO: a terminal that was closed. ERR_STREAM_DESTROYED: the same output failed before.
function isReaderGone(error: NodeJS.ErrnoException): boolean {
  return ['EPIPE', 'ECONNRESET', 'EIO', 'ERR_STREAM_DESTROYED'].includes(error.code ?? '')
}
