import { describeCommand } from './describe-command.ts'
import { runFlags } from './run-flag-table.ts'

const about = `IMAGE is a reference as postgres:17; it is pulled when it is not here. "host" is this machine's own root file system: read-only,
homes, /tmp and /run hidden. The working directory is visible: a writable copy with the overlay driver, read-only with the others and
for real root. Mount on directories that exist, or below /tmp. Flags end at the image. Nothing of this shell's environment goes in
unless -e names it.

Exit code: the command's own; 128 and the number of the signal that ended it; 127 not found; 126 not executable; 125 airplant.
Signals are passed on. SIGTERM sends the stop signal and kills after the stop timeout; Ctrl-C twice within a second kills.`

const examples = [
  'airplant run host -- node --version',
  'airplant run -it host bash',
  'airplant run --init -p 8080:3000 host -- node server.js',
  'airplant run --init -p 3000 host -- node server.js   # prints which port it is',
  'airplant run -p 127.0.0.1:53:53/udp -p 8000-8010:80 host -- server   # the first free one of the range',
  'airplant network create web && airplant run --network web --name db postgres:17',
  'airplant run -v ./data:/mnt:ro -w /mnt host -- ls',
  'airplant run -P -e POSTGRES_PASSWORD=secret -v data:/var/lib/postgresql/data postgres:17',
  'tar c . | airplant run -i host -- tar t',
  "airplant run --rootfs ./alpine -u nobody -- sh -c 'id'",
  'airplant run --cap-drop ALL --read-only --print-plan host -- true',
]

/** What `airplant run --help` prints. */
export function runHelp(): string {
  const usage = '[FLAGS] IMAGE|host|--rootfs DIR [--] [COMMAND] [ARGUMENTS]'
  return describeCommand({ name: 'run', usage, about, flags: runFlags, examples })
}
