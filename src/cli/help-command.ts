import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { closestName } from '../rootless/closest-name.ts'
import type { Flag } from './parse-flags.ts'
import { printText } from './print-text.ts'
import { runFlags } from './run-flag-table.ts'
import { usageError } from './usage-error.ts'

const overview = `Disposable containers without root, without a daemon.

Usage: airplant COMMAND

  run       Run a command in a new container
  doctor    Try what containers need on this machine, and say how to mend what is missing
  help      Print this, or with a command: about it
  version   Print the version

Examples:
  airplant run host -- sh -c 'id; hostname; ps ax'
  airplant run -it debian:13 bash
  airplant doctor

AIRPLANT_DEBUG=1 shows the stack of an error. AIRPLANT_STATE_DIR is where sessions are kept.
`

const runExamples = `
IMAGE is a reference as postgres:17; it is pulled when it is not here. "host" is this machine's own root file system: read-only, homes, /tmp and /run hidden. The working directory is visible: a
writable copy with the overlay driver, read-only with the others and for real root. Mount on directories that exist, or below
/tmp. Flags end at the image. Nothing of this shell's environment goes in unless -e names it.

Exit code: the command's own; 128 and the number of the signal that ended it; 127 not found; 126 not executable; 125 airplant.
Signals are passed on. SIGTERM sends the stop signal and kills after the stop timeout; Ctrl-C twice within a second kills.

Examples:
  airplant run host -- node --version
  airplant run -it host bash
  airplant run --init -p 8080:3000 host -- node server.js
  airplant run --init -p 3000 host -- node server.js   # prints which port it is
  airplant run -v ./data:/mnt:ro -w /mnt host -- ls
  airplant run -P -e POSTGRES_PASSWORD=secret -v data:/var/lib/postgresql/data postgres:17
  tar c . | airplant run -i host -- tar t
  airplant run --rootfs ./alpine -u nobody -- sh -c 'id'
  airplant run --cap-drop ALL --read-only --print-plan host -- true
`

const doctorHelp = `Usage: airplant doctor [--json]

Tries what containers need: user namespaces, ID maps, storage, fuse, tun, limits. Each thing that does not work comes with the
command that mends it. Exit code: 1 when containers cannot start here, else 0.

  --json   Print the results as JSON
`

/** `airplant help [command]`. */
export async function helpCommand([command]: readonly string[]): Promise<number> {
  const text =
    command === 'run'
      ? `Usage: airplant run [FLAGS] IMAGE|host|--rootfs DIR [--] [COMMAND] [ARGUMENTS]\n\n${describeFlags(runFlags)}${runExamples}`
      : command === 'doctor'
        ? doctorHelp
        : overview
  await printText(text)
  return 0
}

/** `airplant version`. */
export async function versionCommand(): Promise<number> {
  await printText(`${readVersion()}\n`)
  return 0
}

/** An error for a word that is no command. */
export function unknownCommand(word: string, names: readonly string[]): Error {
  // Of words this short two letters swapped are too far apart for the one that compares.
  const closest = closestName(word, names) ?? names.find((name) => name[0] === word[0])
  const kind = word.startsWith('-') ? 'flag' : 'command'
  return usageError(`Unknown ${kind} "${word}"`, closest ? `Did you mean "${closest}"?` : 'See "airplant --help"')
}

function describeFlags(flags: readonly Flag[]): string {
  const rows = flags
    .filter(({ help }) => help !== undefined)
    .map(({ name, short, value, help }) => {
      const names = `${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`
      return [names, help ?? ''] as const
    })
  const width = Math.max(...rows.map(([names]) => names.length))
  return rows.map(([names, help]) => `  ${names.padEnd(width)}  ${help}\n`).join('')
}

// The same file runs from src/ under vitest and from dist/src/ when built.
function readVersion(): string {
  let directory = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory)
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string }
  return version
}
