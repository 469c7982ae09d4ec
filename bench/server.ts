import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { withContainer } from '../src/index.ts'
import { findProgram } from './run-command.ts'
import type { Section } from './samples.ts'
import { row, time } from './samples.ts'

const PORT = 18_337

interface Server {
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
}

const servers: readonly Server[] = [
  { name: 'node', program: 'node', args: ['-e', `require('node:http').createServer().listen(${PORT})`] },
  {
    name: 'python3',
    program: 'python3',
    args: ['-c', `import socket\ns=socket.create_server(("",${PORT}))\ns.accept()`],
  },
  { name: 'socat', program: 'socat', args: [`TCP-LISTEN:${PORT},reuseaddr,fork`, 'PIPE'] },
  { name: 'busybox httpd', program: 'busybox', args: ['httpd', '-f', '-p', `${PORT}`] },
]

/** Until a server in a container listens, against the same server without one. */
export async function measureServer(): Promise<Section> {
  const rows = []
  for (const { name, program, args } of servers) {
    const path = program === 'node' ? process.execPath : findProgram(program)
    if (path === undefined || path.startsWith('/root/')) continue
    const command = [path, ...args]
    rows.push(row(`${name}, in a container, published`, await time(10, 1, () => listenInContainer(command))))
    rows.push(row(`${name}, without a container`, await time(10, 1, () => listenHere(command))))
  }
  return { title: 'A server, from the call until it listens', rows, notes: ['stopping it is part of the figures'] }
}

function listenInContainer(command: readonly string[]): Promise<void> {
  return withContainer({ command, ports: [PORT], wait: { port: PORT } }, () => undefined)
}

async function listenHere([program = '', ...args]: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: 'ignore' })
  const ended = once(child, 'exit')
  while (!(await connects())) await setTimeout(1)
  child.kill('SIGKILL')
  await ended
}

async function connects(): Promise<boolean> {
  const socket = connect(PORT, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
