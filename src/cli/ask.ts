import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { signalExitCode } from './exit-codes.ts'

const SIGINT = 2

/** Whether somebody can answer. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

/**
 * Asks on the terminal: the question goes to stderr. Ctrl-C ends the process, the end of the input is an empty answer.
 *
 * @param options.hidden what is typed does not show
 */
export async function ask(question: string, { hidden = false }: { hidden?: boolean } = {}): Promise<string> {
  process.stderr.write(question)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: hidden ? silent : process.stderr, terminal: true })
  // Without a prompt of its own a redraw would erase the question.
  if (!hidden) lines.setPrompt(question)
  try {
    return await new Promise<string>((resolve) => {
      lines.once('line', resolve)
      lines.once('close', () => resolve(''))
      lines.once('SIGINT', () => {
        lines.close()
        process.stderr.write('\n')
        process.exit(signalExitCode(SIGINT))
      })
    })
  } finally {
    lines.close()
    if (hidden) process.stderr.write('\n')
  }
}
