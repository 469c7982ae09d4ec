import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findCredentials } from '../../../../src/images/registry/credentials/find-credentials.ts'
import { storeInHelper } from '../../../../src/images/registry/credentials/credential-helper.ts'
import type { Home } from './homes.ts'
import { base64, makeHome } from './homes.ts'

const entry = (name: string) => ({ auth: base64(name, 'p') })

/** Answers with its own name as the user and what it was asked for as the secret. */
function echoing(home: Home, name: string): void {
  home.helper(
    name,
    `read -r server; echo "$server" >> "$HOME/asked"; printf '{"ServerURL":"x","Username":"${name}","Secret":"%s"}' "$server"`,
  )
}

test("a registry's own helper wins over the store, and the store over the file", async () => {
  const home = makeHome()
  echoing(home, 'own')
  echoing(home, 'store')
  home.write('.docker/config.json', {
    auths: { 'example.com': entry('file'), 'docker.io': {} },
    credHelpers: { 'example.com': 'own' },
    credsStore: 'store',
  })
  const ask = (registry: string) => findCredentials(registry, 'app', home)
  expect(await ask('example.com')).toEqual({
    kind: 'password',
    username: 'own',
    password: 'example.com',
    source: 'docker-credential-own',
  })
  expect(await ask('docker.io')).toMatchObject({ username: 'store', password: 'https://index.docker.io/v1/' })
  expect(await ask('localhost:5000')).toMatchObject({ username: 'store', password: 'localhost:5000' })
})

test('an entry for a longer prefix is nearer than a helper for the registry', async () => {
  const home = makeHome()
  echoing(home, 'own')
  const auths = { 'example.com/team': entry('team'), 'example.com': entry('file') }
  home.write('.docker/config.json', { auths, credHelpers: { 'example.com': 'own' } })
  expect(await findCredentials('example.com', 'team/app', home)).toMatchObject({ username: 'team' })
  expect(await findCredentials('example.com', 'app', home)).toMatchObject({ username: 'own' })
})

test('an identity token comes under the user name <token>', async () => {
  const home = makeHome()
  home.helper('x', `echo '{"Username":"<token>","Secret":"T"}'`)
  home.write('.docker/config.json', { credsStore: 'x' })
  expect(await findCredentials('example.com', 'app', home)).toMatchObject({ kind: 'identity-token', token: 'T' })
})

test.each([
  'echo credentials not found in native keychain; exit 1',
  'echo credentials not found in native keychain >&2; exit 1',
  'echo \'{"Username":"","Secret":""}\'',
])('a helper that has none is no error, and the file is asked next: %s', async (script) => {
  const home = makeHome()
  home.helper('x', script)
  home.write('.docker/config.json', { credsStore: 'x', auths: { 'example.com': entry('file') } })
  expect(await findCredentials('example.com', 'app', home)).toMatchObject({ username: 'file' })
  expect(await findCredentials('docker.io', 'app', home)).toBeUndefined()
})

test('a missing helper is an error that says what to install', async () => {
  const home = makeHome()
  home.write('.docker/config.json', { credsStore: 'pass' })
  const error = expect.objectContaining({
    code: 'ERR_CREDENTIAL_HELPER',
    message: expect.stringContaining('docker-credential-pass: it is not in PATH') as string,
    hint: expect.stringMatching(/^Install docker-credential-helpers .* or remove "pass"/) as string,
  }) as Error
  await expect(findCredentials('example.com', 'app', home)).rejects.toThrow(error)
})

test('a helper that is no program is an error', async () => {
  const home = makeHome()
  home.write('bin/docker-credential-x', 'not executable')
  home.write('.docker/config.json', { credsStore: 'x' })
  await expect(findCredentials('example.com', 'app', home)).rejects.toThrow('it does not start (EACCES)')
})

test.each(['../evil', 'a/b', '/bin/sh', '', ' ', 'a b', '-x', 'a\0b', '.hidden'])(
  'a helper whose name is %j is not run',
  async (name) => {
    const home = makeHome()
    home.write('.docker/config.json', { credHelpers: { 'example.com': name } })
    const asked = findCredentials('example.com', 'app', home)
    // Docker takes an empty name for none.
    if (name === '') expect(await asked).toBeUndefined()
    else await expect(asked).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_HELPER' })
  },
)

test.each([
  ['echo the keychain is locked; exit 1', 'failed to get: "the keychain is locked"'],
  ['echo not logged in >&2; exit 2', 'failed to get: "not logged in"'],
  ['exit 3', 'failed to get: it ended with 3'],
  ['kill -9 $$', 'failed to get: it ended with a signal'],
  ['printf "\\033[31mred"; exit 1', '"\\u001b[31mred"'],
  ['echo \'{"Username":"me","Secret":"hunter2"}\'; exit 1', 'failed to get: it ended with 1'],
  ['echo \'{"Username":"me","Secret":"hunter2"\'', 'not JSON with "Username" and "Secret"'],
  ['echo hunter2', 'not JSON with "Username" and "Secret"'],
  ['echo \'{"Username":"me","Secret":["hunter2"]}\'', 'not JSON with "Username" and "Secret"'],
  ['echo \'["hunter2"]\'', 'not JSON with "Username" and "Secret"'],
])('a helper that fails is an error without its secret: %s', async (script, reason) => {
  const home = makeHome()
  home.helper('x', script)
  home.write('.docker/config.json', { credsStore: 'x' })
  const error: unknown = await findCredentials('example.com', 'app', home).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'ERR_CREDENTIAL_HELPER', message: expect.stringContaining(reason) as string })
  expect(`${String(error)}${JSON.stringify(error)}${(error as Error).stack}`).not.toContain('hunter2')
})

test('a helper that fails to store is quoted without the secret', async () => {
  const home = makeHome()
  home.helper('x', 'cat; exit 1')
  const credentials = { kind: 'password', username: 'me', password: 'hunter2', source: '' } as const
  const error: unknown = await storeInHelper('x', 'example.com', credentials, home).catch((thrown: unknown) => thrown)
  expect(String(error)).toContain('failed to store: it ended with 1')
  expect(String(error)).not.toContain('hunter2')
})

test('a helper that does not end in time is killed, also when a child of it keeps the pipe', async () => {
  const home = makeHome()
  home.helper('x', 'echo $$ > "$HOME/pid"; sleep 60 & exec sleep 60')
  home.write('.docker/config.json', { credsStore: 'x' })
  const asked = findCredentials('example.com', 'app', { ...home, helperTimeout: 300 })
  await expect(asked).rejects.toThrow('no end within 300 ms')
  const pid = Number(readFileSync(join(home.directory, 'pid'), 'utf8'))
  await expect.poll(() => runs(pid)).toBe(false)
})

test('an abort ends the wait for a helper', async () => {
  const home = makeHome()
  home.helper('x', 'exec sleep 60')
  home.write('.docker/config.json', { credsStore: 'x' })
  const signal = AbortSignal.timeout(50)
  await expect(findCredentials('example.com', 'app', { ...home, signal })).rejects.toMatchObject({
    code: 'ERR_ABORTED',
  })
  await expect(findCredentials('example.com', 'app', { ...home, signal })).rejects.toMatchObject({
    code: 'ERR_ABORTED',
  })
})

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
