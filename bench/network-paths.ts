import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { withContainer } from '../src/index.ts'
import type { NetworkProgram, RunClient } from './network-program.ts'
import { clientOnHost, freePort, IN_ROOTFS, SERVER_PORT } from './network-program.ts'

/** A way from a client to a server. */
export interface NetworkPath {
  readonly name: string
  /** Starts the server; throws with the reason where that cannot be. */
  open(program: NetworkProgram): Promise<OpenPath>
}

export interface OpenPath {
  /** Where the client finds the server. */
  readonly at: { readonly host: string; readonly port: number }
  readonly client: RunClient
  close(): Promise<unknown>
}

/** What all others are compared with. */
export const plainLoopback: NetworkPath = {
  name: 'plain loopback, no container',
  async open(program) {
    const port = await freePort()
    const child = spawn(program.path, ['server', `${port}`], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    const close = async (): Promise<void> => {
      child.kill('SIGKILL')
      await ended
    }
    return { at: { host: '127.0.0.1', port }, client: clientOnHost(program), close }
  },
}

export const publishedPort: NetworkPath = {
  name: 'airplant, published port',
  async open(program) {
    const container = await withContainer({
      ...{ image: { rootfs: program.rootfs('airplant') }, command: [IN_ROOTFS, 'server', `${SERVER_PORT}`] },
      ...{ ports: [SERVER_PORT], wait: { port: SERVER_PORT } },
    })
    const close = (): Promise<void> => container[Symbol.asyncDispose]()
    return { at: container.address(SERVER_PORT), client: clientOnHost(program), close }
  },
}
