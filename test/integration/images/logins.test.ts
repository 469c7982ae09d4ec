import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { findCredentials } from '../../../src/images/registry/credentials/find-credentials.ts'
import { eraseCredentials, storeCredentials } from '../../../src/images/registry/credentials/stored-logins.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { registryAccount, startRegistry } from '../../support/registry.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

const run = promisify(execFile)
const { username, password } = registryAccount

function makeHome(): NodeJS.ProcessEnv {
  const home = mkdtempSync(join(tmpdir(), 'airplant-home-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  mkdirSync(join(home, 'run'))
  return { HOME: home, XDG_RUNTIME_DIR: join(home, 'run'), PATH: process.env.PATH }
}

test('what skopeo logged in to is found', async () => {
  const env = makeHome()
  await using registry = await startRegistry({ auth: true })
  const account = ['--username', username, '--password', password]
  await run('skopeo', ['login', '--tls-verify=false', ...account, registry.host], { env })
  expect(await findCredentials(registry.host, 'app', { env })).toEqual({
    kind: 'password',
    username,
    password,
    source: join(env.XDG_RUNTIME_DIR!, 'containers/auth.json'),
  })
  await run('skopeo', ['logout', registry.host], { env })
  expect(await findCredentials(registry.host, 'app', { env })).toBeUndefined()
})

test('a login of ours lets skopeo in, until the logout', async () => {
  const env = makeHome()
  await using registry = await startRegistry({ auth: true })
  const policy = join(env.HOME!, 'policy.json')
  writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}')
  // An empty repository: whoever is let in gets "not found", anybody else "unauthorized".
  const ask = (): Promise<string> =>
    run('skopeo', ['--policy', policy, 'list-tags', '--tls-verify=false', `docker://${registry.host}/app`], {
      env,
    }).then(
      ({ stdout }) => stdout,
      (error: unknown) => (error as { stderr: string }).stderr,
    )
  expect(await ask()).toMatch(/authentication required|unauthorized/)
  await storeCredentials(registry.host, { kind: 'password', username, password, source: '' }, { env })
  expect(await ask()).toMatch(/404|unknown/)
  expect(await eraseCredentials(registry.host, { env })).toBe(true)
  expect(await ask()).toMatch(/authentication required|unauthorized/)
})

test("a login to Docker Hub is under Docker's key for skopeo too", async () => {
  const env = makeHome()
  await storeCredentials('docker.io', { kind: 'password', username, password, source: '' }, { env })
  const { stdout } = await run('skopeo', ['login', '--get-login', 'docker.io'], { env })
  expect(stdout.trim()).toBe(username)
})
