// Debian's docker-registry over a directory, on a free port of the loopback.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Gives `{ address, stop }` once it answers. It ends with this process, however that ends. With `ids` (`{ uid, gid }`),
 * which only root can give, it runs as another account. Throws with its last words when it does not start.
 */
export async function startRegistry({ storage, isWritable = false, port, ids }) {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-registry-'))
  try {
    // Another process may take the port between our look and the registry's.
    for (let attempt = 1; ; attempt++) {
      const address = `127.0.0.1:${port ?? (await freePort())}`
      try {
        return await start({ address, storage, isWritable, ids, directory })
      } catch (error) {
        if (port !== undefined || attempt === 3) throw error
      }
    }
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
}

async function start({ address, storage, isWritable, ids, directory }) {
  const registry = spawn(...commandFor(writeConfiguration(directory, { address, storage, isWritable }), ids), {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Its variables REGISTRY_* would override the configuration.
    env: { PATH: process.env.PATH },
    cwd: '/',
    // Ctrl-C is for us; we end it when the tests have ended.
    detached: true,
  })
  let words = ''
  registry.stderr.setEncoding('utf8').on('data', (text) => (words = (words + text).slice(-2000)))
  const end = new Promise((resolve) => {
    registry.once('close', resolve)
    registry.once('error', (error) => resolve(error.message))
  })
  let isOver = false
  void end.then((how) => {
    isOver = true
    words ||= `it ended with ${how}`
  })
  const stop = async () => {
    registry.kill('SIGKILL')
    await end
    rmSync(directory, { recursive: true, force: true })
  }
  const deadline = performance.now() + 10_000
  while (!(await answers(address))) {
    if (isOver || performance.now() > deadline) {
      registry.kill('SIGKILL')
      throw new Error(`Cannot start docker-registry on ${address}: ${words.trim() || 'it does not answer'}`)
    }
    await delay(20)
  }
  if (isOver) throw new Error(`Cannot start docker-registry on ${address}: ${words.trim()}`)
  return { address, stop }
}

/** With the signal of our end, for where we are killed. */
function commandFor(configuration, ids) {
  const account = ids ? ['--reuid', String(ids.uid), '--regid', String(ids.gid), '--clear-groups'] : []
  return ['setpriv', [...account, '--pdeathsig', 'KILL', 'docker-registry', 'serve', configuration]]
}

function writeConfiguration(directory, { address, storage, isWritable }) {
  const file = join(directory, 'config.yml')
  // JSON is YAML.
  const configuration = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: storage },
      delete: { enabled: isWritable },
      maintenance: { uploadpurging: { enabled: false }, readonly: { enabled: !isWritable } },
    },
    http: { addr: address },
  }
  writeFileSync(file, JSON.stringify(configuration))
  return file
}

async function answers(address) {
  try {
    const { status } = await fetch(`http://${address}/v2/`, { signal: AbortSignal.timeout(1000) })
    return status === 200
  } catch {
    return false
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
