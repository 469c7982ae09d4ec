import { spawnSync } from 'node:child_process'
import type { WriteStream } from 'node:tty'
import type { TtySize } from '../containers/option-parsers.ts'

/** The terminal that this process writes to, if it does. */
export function outputTerminal(): WriteStream | undefined {
  return [process.stdout, process.stderr].find((stream) => stream.isTTY)
}

/** Its size; a terminal that does not know its own counts as 24 by 80. */
export function terminalSize(terminal: WriteStream | undefined): TtySize {
  return { rows: terminal?.rows || 24, columns: terminal?.columns || 80 }
}

/**
 * Passes every key on as it is, Ctrl-C among them, until the function that is returned was called or Node exits. Does nothing when the
 * input is no terminal.
 */
export function enterRawMode(): () => void {
  const { stdin } = process
  if (!stdin.isTTY) return () => undefined
  const restore = (): void => {
    process.off('exit', restore)
    // A terminal that is gone needs no restoring.
    if (!stdin.destroyed) stdin.setRawMode(false)
  }
  process.on('exit', restore)
  stdin.setRawMode(true)
  // libuv's raw mode still makes \r\n of \n, which full-screen programs use to go straight down. The restoring undoes this too.
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] })
  return restore
}
