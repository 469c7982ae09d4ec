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
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: hidden ? silent : process.stderr, terminal: true })
  // After that the terminal is in raw mode: an answer, or Ctrl-C, may come as soon as the question shows.
  if (hidden) process.stderr.write(question)
  else {
    lines.setPrompt(question)
    lines.prompt()
  }
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
