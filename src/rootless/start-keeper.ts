import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { AirplantError } from '../errors.ts'
import type { Extent, IdMapping } from './ids/id-mapping.ts'

/** A keeper's program as a child process of Node. */
export interface KeeperChild {
  /** The control socket. */
  readonly socket: Socket
  /** The second socket, with real root's mapping only. */
  readonly broker: Socket | undefined
  /** Resolves when the process has ended and its last words were read. */
  readonly closed: Promise<void>
  /** How it ended and what it wrote to stderr, as far as known. */
  describeEnd(): string | undefined
  /** What it wrote to stderr, at most 16 KiB. */
  lastWords(): string
  kill(): void
  /** Keeps Node alive until it has ended. */
  ref(): void
  unref(): void
}

const MOST_WORDS = 16 * 1024

/**
 * Starts the keeper in a process group of its own, so that Ctrl-C reaches only Node. Neither the child nor its pipes keep Node alive.
 *
 * @param directory the session directory that the keeper makes
 * @throws {AirplantError} `ERR_KEEPER_MISSING` when the program cannot be executed
 */
export function startKeeper(program: string, directory: string, mapping: IdMapping): KeeperChild {
  const child = spawnProgram(program, keeperArguments(directory, mapping), mapping.method === 'direct')
  // Node's types do not say that there is no stdio at all when descriptors ran out.
  const stdio = child.stdio as ChildProcess['stdio'] | undefined
  const socket = stdio?.[3] as Socket | null | undefined
  if (!socket) throw cannotExecute(program, 'too many open files')
  let words = ''
  let end: string | undefined
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-MOST_WORDS)))
  child.on('exit', (code, signal) => (end = signal ? `killed by ${signal}` : `exit code ${code}`))
  const closed = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      end = `cannot execute "${program}": ${error.message}`
      socket.destroy()
      resolve()
    })
    // Not "close": that also waits for the control socket, which may still be read.
    child.on('exit', () => (child.stderr?.closed === false ? child.stderr.once('close', resolve) : resolve()))
  })
  child.unref()
  const stderr = child.stderr as Socket | null
  stderr?.unref()
  socket.unref()
  return {
    socket,
    broker: (stdio?.[4] ?? undefined) as Socket | undefined,
    closed,
    describeEnd: () => [end, words.trim()].filter(Boolean).join(', ') || undefined,
    lastWords: () => words.trim(),
    kill: () => void child.kill('SIGKILL'),
    ref: () => {
      child.ref()
      // What `closed` waits for may come after the process's own end.
      stderr?.ref()
    },
    unref: () => {
      child.unref()
      stderr?.unref()
    },
  }
}

function spawnProgram(program: string, args: readonly string[], broker: boolean): ChildProcess {
  try {
    return spawn(program, broker ? [...args, '--broker', '4'] : args, {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', ...(broker ? ['pipe' as const] : [])],
      detached: true,
      env: {},
      cwd: '/',
    })
  } catch (error) {
    throw cannotExecute(program, (error as Error).message, error)
  }
}

/** What main.c is called with. */
export function keeperArguments(directory: string, mapping: IdMapping): string[] {
  const programs = mapping.programs ?? { newuidmap: '/usr/bin/newuidmap', newgidmap: '/usr/bin/newgidmap' }
  return [
    ['--session', directory],
    ['--map', mapping.method],
    ['--uids', extentsText(mapping.uids)],
    ['--gids', extentsText(mapping.gids)],
    ['--newuidmap', programs.newuidmap],
    ['--newgidmap', programs.newgidmap],
  ].flat()
}

function extentsText(extents: readonly Extent[]): string {
  return extents.map(({ inside, outside, count }) => `${inside} ${outside} ${count}`).join(' ')
}

function cannotExecute(program: string, why: string, cause?: unknown): AirplantError {
  return new AirplantError({
    code: 'ERR_KEEPER_MISSING',
    phase: 'session',
    message: `Cannot start the keeper "${program}": ${why}`,
    hint: 'Run "airplant doctor"; AIRPLANT_KEEPER names another program',
    cause,
  })
}
