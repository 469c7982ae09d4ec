import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Container, FixtureOptions } from 'airplant'

const program = readFileSync(join(import.meta.dirname, 'server.mjs'))

/** Options for a container with the demo's server, listening on these ports of its own network. */
export function demoServer(name: string, ports: readonly number[]): FixtureOptions {
  return {
    image: 'host',
    hostname: name,
    // By its content: the container needs nothing of this directory.
    files: [{ target: '/home/demo/server.mjs', content: program }],
    workdir: '/home/demo',
    command: ['node', 'server.mjs', ...ports.map(String)],
    ports,
    wait: { port: ports },
  }
}

/** Asks the server in a container, from this machine, over the published port. */
export async function ask<T>(container: Container, port: number, path: string): Promise<T> {
  const response = await fetch(`${container.url(port)}${path}`)
  return (await response.json()) as T
}
