import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Session, withContainer } from '../../../src/index.ts'
import type { FixtureOptions } from '../../../src/index.ts'
import { removeByKeeper } from '../../../src/rootless/host-files.ts'
import { answerAt } from '../../support/socket-client.ts'
import { checkLeftovers, errorOf, shell } from '../../support/containers.ts'
import { testRegistry } from '../../support/test-images.ts'

const TIMEOUT = 180_000
const home = mkdtempSync(join(tmpdir(), 'airplant-sockets-'))
const outer = process.env['AIRPLANT_HOME']
process.env['AIRPLANT_HOME'] = join(home, 'store')
const left = checkLeftovers()
afterAll(() => {
  if (outer === undefined) delete process.env['AIRPLANT_HOME']
  else process.env['AIRPLANT_HOME'] = outer
  rmSync(home, { recursive: true })
})

describe('a server of an image', () => {
  testRegistry()

  /** Calls the function with the directory that such a container has for sockets; the directory is gone afterwards. */
  async function within(
    ids: string,
    options: FixtureOptions,
    use: (directory: string) => Promise<void>,
  ): Promise<void> {
    await using session = await Session.start({ env: { ...process.env, AIRPLANT_IDS: ids } })
    const target = options.sockets?.[0] ?? ''
    const directory = await withContainer({ session, startTimeout: TIMEOUT, ...options }, async (container) => {
      expect(container.publishedPorts).toEqual([])
      await use(container.socketDirectory(`${target}/`))
      return container.socketDirectory(target)
    })
    expect(existsSync(directory)).toBe(false)
    await expect.poll(() => readdirSync(dirname(dirname(directory))), { timeout: 2000, interval: 20 }).toEqual([])
    await removeByKeeper(session, join(home, 'store', 'layers'))
  }

  test(
    'redis finds the directory writable where a single ID is mapped and it is not root',
    async () => {
      const command = ['redis-server', '--port', '0', '--unixsocket', '/sockets/redis.sock']
      const options = { image: 'redis:7', command, user: 'redis', wait: { log: 'ready to accept connections' } }
      await within('single', { ...options, sockets: ['/sockets'] }, async (directory) => {
        expect((await answerAt(join(directory, 'redis.sock'), Buffer.from('PING\r\n'))).toString()).toBe('+PONG\r\n')
      })
    },
    TIMEOUT,
  )
})

test('each directory is the container own, and what is in it cannot be executed or be a device', async () => {
  const options = { command: ['sleep', '1000'], sockets: ['/run/one', '/var/run/two/'] }
  await withContainer(options, async (container) => {
    await withContainer(options, async (other) => {
      await shell(
        container,
        'cp /bin/true /run/one; ln -s /etc/passwd /var/run/two/link; mkdir /run/one/deep; chmod 0 /run/one/deep',
      )
      const [one, two] = [container.socketDirectory('/run/one'), container.socketDirectory('/var/run/two')]
      expect(readdirSync(one).sort()).toEqual(['deep', 'true'])
      expect(lstatSync(join(two, 'link')).isSymbolicLink()).toBe(true)
      expect(readdirSync(other.socketDirectory('/run/one'))).toEqual([])
      expect(await shell(container, "grep -E ' /run/(one|two) ' /proc/mounts | grep -c nosuid,nodev,noexec")).toBe('2')
      // Nobody else on the host gets there.
      expect(lstatSync(dirname(one)).mode & 0o077).toBe(0)
      expect(one.startsWith(join(left.stateDirectory, 'sessions'))).toBe(true)
    })
  })
})

test('what cannot work is refused: a path of the sandbox, a directory that was not asked for, a socket path that is too long', async () => {
  const options = { command: ['sleep', '1000'] }
  for (const target of ['/proc/x', '/', 'relative']) {
    expect(await errorOf(withContainer({ ...options, sockets: [target] }))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
    })
  }
  await withContainer({ ...options, sockets: ['/run/one'] }, async (container) => {
    const missing = await errorOf((async () => container.socketDirectory('/run/two'))())
    expect(missing).toMatchObject({ code: 'ERR_INVALID_OPTION', hint: 'It has "/run/one"' })
  })
  const deep = join(home, 'a-state-directory-with-a-path-that-is-far-too-long')
  mkdirSync(deep)
  await using session = await Session.start({ env: { ...process.env, AIRPLANT_STATE_DIR: deep } })
  const long = await errorOf(withContainer({ ...options, session, sockets: ['/run/one'] }))
  expect(long).toMatchObject({
    code: 'ERR_INVALID_OPTION',
    hint: 'Set AIRPLANT_STATE_DIR to a directory with a shorter path',
  })
})
