import { once } from 'node:events'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from './run-command.ts'
import { removeTree } from './temporary-store.ts'

/** Where the server listens that has a network namespace to itself. */
export const SERVER_PORT = 7000

/** The program's place in the root file systems that {@link NetworkProgram.rootfs} makes. */
export const IN_ROOTFS = '/network-peer'

/** What the client measures: microseconds of each exchange or of each connect with its first byte, or gigabits per second of a transfer. */
export type Measurement = 'rtt' | 'connect' | 'download' | 'upload'

/** Runs the program with these arguments where the client's end of a path is, and gives its output. */
export type RunClient = (args: readonly string[]) => Promise<string>

/** Client and server, compiled; in C, so that what lies between them is measured and not Node. */
export interface NetworkProgram {
  /** Where it is on the host. */
  readonly path: string
  readonly directory: string
  /** Makes a root file system with nothing else in it: programs write theirs, so each gets its own. */
  rootfs(name: string): string
}

const source = join(import.meta.dirname, '..', '..', 'bench', 'network-peer.c')

/** Compiles it statically into a new directory, which is removed afterwards. */
export async function withNetworkProgram<T>(run: (program: NetworkProgram) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-net-'))
  chmodSync(directory, 0o755)
  try {
    const path = join(directory, 'network-peer')
    const { code, output } = await runCommand(['cc', '-O2', '-static', '-o', path, source])
    if (code !== 0) throw new Error(`Cannot compile ${source}: ${output.trim()}`)
    return await run({ path, directory, rootfs: (name) => makeRootfs(join(directory, name), path) })
  } finally {
    await removeTree(directory)
  }
}

/** Runs the client on the host. */
export function clientOnHost({ path }: NetworkProgram): RunClient {
  return async (args) => {
    const { code, output } = await runCommand([path, ...args])
    if (code !== 0) throw new Error(output.trim())
    return output
  }
}

/** The figures of one run of the client; the amount is a number of exchanges, or seconds. */
export async function measure(
  run: RunClient,
  { host, port }: { host: string; port: number },
  what: Measurement,
  amount: number,
): Promise<number[]> {
  const output = await run(['client', host, `${port}`, what, `${amount}`])
  return output.trim().split('\n').map(Number)
}

/** A port that is free now, for programs that cannot choose one. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function makeRootfs(root: string, program: string): string {
  for (const name of ['proc', 'sys', 'dev', 'etc', 'tmp', 'run']) mkdirSync(join(root, name), { recursive: true })
  cpSync(program, join(root, IN_ROOTFS))
  // Without it the C library asks DNS before it looks into /etc/hosts.
  writeFileSync(join(root, 'etc', 'nsswitch.conf'), 'hosts: files\n')
  return root
}
