import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram, runCommand } from './run-command.ts'

/** Another way to run one command in isolation. */
export interface Peer {
  readonly name: string
  /** The first one makes its images and directories; undefined when it is not installed. */
  prepare(workshop: Workshop): Promise<PreparedPeer> | PreparedPeer
}

export interface PreparedPeer {
  /** The same command every time, or a new one where names may not repeat. */
  readonly command: () => readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Starts are measured less often when they are slow. */
  readonly count: number
  readonly remove?: () => Promise<unknown>
}

/** A directory of our own, with a tiny root file system in it that needs no registry. */
export interface Workshop {
  readonly directory: string
  /** Undefined without a static busybox. */
  readonly rootfs: string | undefined
}

/** Makes the directory; whoever calls removes it. */
export function openWorkshop(): Workshop {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-bench-'))
  const busybox = findProgram('busybox')
  if (busybox === undefined) return { directory, rootfs: undefined }
  const rootfs = join(directory, 'rootfs')
  for (const name of ['bin', 'proc', 'sys', 'dev', 'etc']) mkdirSync(join(rootfs, name), { recursive: true })
  cpSync(busybox, join(rootfs, 'bin', 'busybox'), { dereference: true })
  symlinkSync('busybox', join(rootfs, 'bin', 'true'))
  return { directory, rootfs }
}

export function closeWorkshop({ directory }: Workshop): void {
  rmSync(directory, { recursive: true, force: true })
}

/** Those that need neither root nor a daemon; each does about what its users would write. */
export const peers: readonly Peer[] = [
  { name: 'unshare -Urpfmn --mount-proc', prepare: () => fixed('unshare', ['-Urpfmn', '--mount-proc', 'true']) },
  {
    name: 'bwrap --unshare-all --ro-bind / /',
    prepare: () => fixed('bwrap', ['--unshare-all', '--ro-bind', '/', '/', 'true']),
  },
  { name: 'crun run (rootless, busybox)', prepare: (workshop) => runtime('crun', workshop) },
  { name: 'runc run (rootless, busybox)', prepare: (workshop) => runtime('runc', workshop) },
  { name: 'podman run --rm --network=none (rootless, busybox)', prepare: podman },
]

function fixed(program: string, args: readonly string[]): PreparedPeer {
  const path = required(program)
  return { command: () => [path, ...args], count: 20 }
}

async function runtime(program: string, workshop: Workshop): Promise<PreparedPeer> {
  const path = required(program)
  const bundle = join(workshop.directory, `${program}-bundle`)
  mkdirSync(bundle)
  // runc's file names the ID maps that crun adds by itself, so both get it where runc is here.
  const spec = await runCommand([findProgram('runc') ?? path, 'spec', '--rootless', '--bundle', bundle])
  if (spec.code !== 0) throw new Error(spec.output)
  const file = join(bundle, 'config.json')
  const config = JSON.parse(readFileSync(file, 'utf8')) as { process: object; root: object }
  Object.assign(config.process, { terminal: false, args: ['true'] })
  Object.assign(config.root, { path: rootfsOf(workshop) })
  writeFileSync(file, JSON.stringify(config))
  let count = 0
  const state = join(workshop.directory, `${program}-state`)
  return {
    command: () => [path, '--root', state, 'run', '--bundle', bundle, `bench-${process.pid}-${count++}`],
    count: 20,
  }
}

async function podman(workshop: Workshop): Promise<PreparedPeer> {
  const place = (name: string): string => join(workshop.directory, name)
  const own = [
    '--root',
    place('podman'),
    '--runroot',
    place('podman-run'),
    '--cgroup-manager=cgroupfs',
    '--events-backend=none',
  ]
  const base = [required('podman'), ...own]
  const env = { ...process.env, XDG_RUNTIME_DIR: place('runtime'), HOME: place('home') }
  for (const name of ['runtime', 'home']) mkdirSync(place(name), { mode: 0o700 })
  const archive = await archiveOf(workshop)
  const image = 'localhost/airplant-bench'
  const imported = await runCommand([...base, 'import', '-q', archive, image], env)
  const remove = (): Promise<unknown> => runCommand([...base, 'system', 'reset', '--force'], env)
  if (imported.code !== 0) throw new Error((await remove(), lastLine(imported.output)))
  return { command: () => [...base, 'run', '--rm', '--network=none', image, 'true'], env, count: 5, remove }
}

/** Docker, where a daemon answers; the account may not be allowed to ask it, root is. */
export const docker: Peer = {
  name: 'docker run --rm --network=none (busybox)',
  async prepare(workshop) {
    const path = required('docker')
    const answer = await runCommand([path, 'info', '--format', '{{.ServerVersion}}'])
    if (answer.code !== 0) throw new Error('no daemon answers')
    const image = `airplant-bench:${process.pid}`
    const imported = await runCommand([path, 'import', await archiveOf(workshop), image])
    if (imported.code !== 0) throw new Error(lastLine(imported.output))
    const remove = (): Promise<unknown> => runCommand([path, 'rmi', '--force', image])
    return { command: () => [path, 'run', '--rm', '--network=none', image, 'true'], count: 5, remove }
  },
}

async function archiveOf(workshop: Workshop): Promise<string> {
  const archive = join(workshop.directory, 'rootfs.tar')
  await runCommand(['tar', '-C', rootfsOf(workshop), '-cf', archive, '.'])
  return archive
}

function rootfsOf({ rootfs }: Workshop): string {
  if (rootfs === undefined) throw new Error('busybox is not installed')
  return rootfs
}

function required(program: string): string {
  const path = findProgram(program)
  if (path === undefined) throw new Error('not installed')
  return path
}

export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
