import { existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ended } from './run-command.ts'
import { runCommand } from './run-command.ts'
import { removeTree } from './temporary-store.ts'

/** A podman of our own. */
export interface Podman {
  /** What a program of this podman is started with. */
  readonly command: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly directory: string
  run(args: readonly string[]): Promise<Ended>
  /** Ends its containers and removes all that it has. */
  remove(): Promise<void>
}

/** With storage of its own. It binds sockets deep below its directories, whose paths the kernel bounds: so these are short. */
export function openPodman(driver: 'vfs' | 'overlay'): Podman {
  const directory = mkdtempSync(join(tmpdir(), 'ap-'))
  const place = (part: string): string => join(directory, part)
  for (const part of ['runtime', 'home']) mkdirSync(place(part), { mode: 0o700 })
  const env = { ...process.env, XDG_RUNTIME_DIR: place('runtime'), HOME: place('home') }
  const storage = ['--root', place('storage'), '--runroot', place('run'), `--storage-driver=${driver}`]
  const command = ['podman', ...storage, '--cgroup-manager=cgroupfs', '--events-backend=none']
  const run = (args: readonly string[]) => runCommand([...command, ...args], env)
  const remove = async (): Promise<void> => {
    await run(['rm', '--all', '--force', '--time=0'])
    await run(['system', 'reset', '--force'])
    endPause(place('runtime/libpod/tmp/pause.pid'))
    await removeTree(directory)
  }
  return { command, env, directory, run, remove }
}

/** Without root podman leaves a process that holds its namespaces. */
function endPause(file: string): void {
  if (existsSync(file)) process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL')
}
