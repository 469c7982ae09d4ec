/** Where the frames of a stack begin. */
const frames = /\n\s+at .*:\d+:\d+/

/**
 * What jest has of a failure, with what containers wrote below its message. Jest prints the stack only.
 *
 * @param entry an error, or an error and another one made where the test is
 */
export function addEvidence(entry: unknown, text: string): unknown {
  const [error, place] = (Array.isArray(entry) ? entry : [entry]) as [unknown, unknown]
  if (isWritable(error)) {
    error.stack = inserted(error.stack, text)
    return entry
  }
  const message = (error as { message?: unknown } | null)?.message ?? error
  const found = frames.exec((place as { stack?: string } | undefined)?.stack ?? '')
  const shown = `${String(message)}\n\n${text}`
  return { message: shown, stack: `${shown}\n${found ? found.input.slice(found.index) : ''}` }
}

function inserted(stack: string, text: string): string {
  const { index = stack.length } = frames.exec(stack) ?? {}
  return `${stack.slice(0, index).trimEnd()}\n\n${text}\n${stack.slice(index)}`
}

/** A frozen error stays what it is, and gets another one around. */
function isWritable(error: unknown): error is { stack: string } {
  if (typeof error !== 'object' || error === null || Object.isFrozen(error)) return false
  return typeof (error as { stack?: unknown }).stack === 'string'
}
