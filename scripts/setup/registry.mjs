// Debian's docker-registry over a directory, on a free port of the loopback.
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Gives `{ address, stop }` once it listens. It ends with this process, however that ends. With `ids` (`{ uid, gid }`),
 * which only root can give, it runs as another account. Throws with its last words when it does not start.
 */
export async function startRegistry({ storage, isWritable = false, port = 0, ids }) {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-registry-'))
  chmodSync(directory, 0o755)
  const configuration = join(directory, 'config.yml')
  // JSON is YAML.
  writeFileSync(configuration, JSON.stringify(configurationFor({ storage, isWritable, port })))
  const account = ids ? ['--reuid', String(ids.uid), '--regid', String(ids.gid), '--clear-groups'] : []
  const registry = spawn(
    'setpriv',
    [...account, '--pdeathsig', 'KILL', 'docker-registry', 'serve', configuration],
    // A session of its own: Ctrl-C is for us. No environment: variables REGISTRY_* would override the configuration.
    { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env.PATH }, cwd: '/', detached: true },
  )
  const end = new Promise((resolve) => {
    registry.once('close', resolve)
    registry.once('error', resolve)
  })
  const stop = async () => {
    registry.kill('SIGKILL')
    await end
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    return { address: await listening(registry, end), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function configurationFor({ storage, isWritable, port }) {
  const maintenance = { uploadpurging: { enabled: false }, readonly: { enabled: !isWritable } }
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage }, maintenance },
    http: { addr: `127.0.0.1:${port}` },
  }
}

/** It logs its address after listen(2), so that a connection made then is accepted. */
async function listening(registry, end) {
  let words = ''
  const address = new Promise((resolve) => {
    registry.stderr.setEncoding('utf8').on('data', (text) => {
      words = (words + text).slice(-2000)
      const found = /listening on (127\.0\.0\.1:\d+)/.exec(words)?.[1]
      if (found) resolve(found)
    })
  })
  const failure = end.then((how) => {
    throw new Error(`Cannot start docker-registry: ${words.trim() || `it ended with ${how?.message ?? how}`}`)
  })
  failure.catch(() => {})
  return Promise.race([address, failure])
}
