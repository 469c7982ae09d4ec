import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Debian's docker-registry, running on a free port of loopback. */
export interface TestRegistry extends AsyncDisposable {
  /** `'http://127.0.0.1:40123'` */
  readonly url: string
  /** `'127.0.0.1:40123'`, as a reference names it. */
  readonly host: string
  /** Its storage, of the layout that every docker-registry has. */
  readonly directory: string
}

/** @see startRegistry */
export interface TestRegistryOptions {
  /** Asks for user `tester` with password `secret`. @default false */
  readonly auth?: boolean
  /** Makes it a pull-through cache of this registry's URL; it cannot be pushed to. */
  readonly mirrorOf?: string
}

/** What a registry made with `auth` asks for. */
export const registryAccount = { username: 'tester', password: 'secret' } as const

// bcrypt of registryAccount.password at the lowest cost, so that a request does not wait for it.
const htpasswd = 'tester:$2b$04$abcdefghijklmnopqrstuOfrqeSITpvd1V.IA.l3/5qdGsljcj0dW\n'

/**
 * Starts a registry of the caller's own account, with its storage in a temporary directory that goes with it.
 *
 * @example
 * await using registry = await startRegistry()
 * await client.getManifest(parseReference(`${registry.host}/library/nginx:latest`))
 */
export async function startRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const home = mkdtempSync(join(tmpdir(), 'airplant-registry-'))
  const directory = join(home, 'storage')
  try {
    writeFileSync(join(home, 'htpasswd'), htpasswd)
    writeFileSync(join(home, 'config.json'), JSON.stringify(configuration(home, directory, options)))
    // A killed test run takes it along.
    const command = ['--pdeathsig', 'KILL', 'docker-registry', 'serve', join(home, 'config.json')]
    const child = spawn('setpriv', command, { stdio: ['ignore', 'pipe', 'pipe'] })
    const host = await listening(child)
    return { url: `http://${host}`, host, directory, [Symbol.asyncDispose]: () => stop(child, home) }
  } catch (error) {
    rmSync(home, { recursive: true, force: true })
    throw error
  }
}

/** JSON is YAML. Port 0: the kernel picks a free one, and the log says which. */
function configuration(home: string, directory: string, { auth, mirrorOf }: TestRegistryOptions): object {
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: directory }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0' },
    ...(auth ? { auth: { htpasswd: { realm: 'airplant tests', path: join(home, 'htpasswd') } } } : {}),
    ...(mirrorOf === undefined ? {} : { proxy: { remoteurl: mirrorOf } }),
  }
}

/** Its address once it listens: it logs that after listen(2), so a connection made then is accepted. */
async function listening(child: ChildProcess): Promise<string> {
  const said: string[] = []
  const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error))
  const ended = once(child, 'close').then(() => Promise.reject(new Error(`docker-registry ended:\n${said.join('\n')}`)))
  const address = new Promise<string>((resolve) => {
    for (const input of [child.stdout!, child.stderr!]) {
      createInterface({ input }).on('line', (line) => {
        if (said.length < 100) said.push(line)
        const found = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1]
        if (found !== undefined) resolve(found)
      })
    }
  })
  ended.catch(() => undefined)
  failed.catch(() => undefined)
  return Promise.race([address, failed, ended])
}

async function stop(child: ChildProcess, home: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }
  rmSync(home, { recursive: true, force: true })
}
