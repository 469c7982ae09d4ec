import type { LogEntry } from '../rootless/keeper-client.ts'

/** What a container wrote. */
export interface Logs {
  readonly stdout: string
  readonly stderr: string
  /** Both, in the order in which they came. */
  readonly output: string
  /** Bytes that were dropped because the log's limit was reached. */
  readonly dropped: number
}

/** Puts the entries of a log together. */
export async function collectLogs(entries: AsyncIterable<LogEntry>): Promise<Logs> {
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[], output: [] as Buffer[] }
  let dropped = 0
  for await (const entry of entries) {
    if ('dropped' in entry) {
      dropped += entry.dropped
      continue
    }
    chunks[entry.stream].push(entry.data)
    chunks.output.push(entry.data)
  }
  const text = (parts: Buffer[]): string => Buffer.concat(parts).toString()
  return { stdout: text(chunks.stdout), stderr: text(chunks.stderr), output: text(chunks.output), dropped }
}

/** The last lines of a text. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n')
}
