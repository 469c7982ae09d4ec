import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { cliStore } from '../../support/cli-store.ts'
import { startHostileRegistry } from '../../support/hostile-registry.ts'
import { noTerminal, onTerminal } from '../../support/on-terminal.ts'
import { registryAccount, startRegistry, type TestRegistry } from '../../support/registry.ts'
import { makeImage } from '../../support/stored-image.ts'

const store = cliStore()
let id: string

beforeAll(async () => {
  id = await store.importImage('tiny:1')
})

async function registryOf(options: { auth?: boolean } = {}): Promise<TestRegistry> {
  const registry = await startRegistry(options)
  onTestFinished(() => registry[Symbol.asyncDispose]())
  return registry
}

describe('push and pull', () => {
  test('move an image through a registry: progress on stderr, the result on stdout', async () => {
    const registry = await registryOf()
    const name = `${registry.host}/team/tiny:2`
    await store.output('tag', 'tiny:1', name)
    const pushed = await store.run(['push', name])
    expect(pushed).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^2: digest: sha256:[0-9a-f]{64} size: \d+\n$/) as string,
    })
    expect(pushed.stderr).toMatch(new RegExp(`^${name}: [\\d.]+MB in [\\d.]+s \\(sha256:[0-9a-f]{64}\\)\n$`))
    expect(await store.run(['push', '-q', name])).toEqual({ code: 0, out: `${name}\n`, stderr: '' })

    await store.output('rmi', '-f', id)
    const [, digest = ''] = /sha256:[0-9a-f]{64}/.exec(pushed.out)
      ? [0, /sha256:[0-9a-f]{64}/.exec(pushed.out)![0]]
      : []
    const pulled = await store.run(['pull', name])
    expect(pulled).toMatchObject({
      code: 0,
      out: `Digest: ${digest}\nStatus: Downloaded newer image for ${name}\n${name}\n`,
    })
    expect(pulled.stderr).toMatch(/: [\d.]+MB in [\d.]+s \(sha256:/)
    const again = await store.run(['pull', name])
    expect(again.out).toContain(`Status: Image is up to date for ${name}\n`)
    expect(again.stderr).toBe(`${name}: up to date (${digest})\n`)
    expect(await store.run(['pull', '-q', name])).toEqual({ code: 0, out: `${name}\n`, stderr: '' })
    expect(await store.output('images', '-q', '--no-trunc')).toBe(id)
    await store.output('tag', id, 'tiny:1')
    await store.output('rmi', name)
  })

  test('take all tags, and search finds them', async () => {
    const registry = await registryOf()
    const repository = `${registry.host}/team/app`
    for (const tag of ['1', '2']) await store.output('tag', 'tiny:1', `${repository}:${tag}`)
    expect(await store.output('push', '-q', '-a', repository)).toBe(`${repository}:1\n${repository}:2`)
    await store.output('rmi', `${repository}:1`, `${repository}:2`)
    expect(await store.output('pull', '-q', '--all-tags', repository)).toBe(`${repository}:1\n${repository}:2`)
    expect(await store.run(['pull', '-a', `${repository}:1`])).toMatchObject({ code: 125 })
    expect(await store.output('search', `${registry.host}/ap`)).toMatch(new RegExp(`^NAME +DESC.*\n${repository} `))
    expect(await store.output('search', '--format', '{{.Name}}', `${registry.host}/app`)).toBe(repository)
    expect(await store.output('search', '-f', 'stars=3', `${registry.host}/app`)).not.toContain(repository)
    await store.output('rmi', `${repository}:1`, `${repository}:2`)
  })

  test('say what is missing, with exit code 1', async () => {
    const registry = await registryOf()
    const pulled = await store.run(['pull', `${registry.host}/nothing`])
    expect(pulled).toMatchObject({ code: 1, out: '', stderr: expect.stringContaining('404') as string })
    expect(await store.run(['push', `${registry.host}/nothing`])).toMatchObject({ code: 1 })
    expect(await store.run(['pull', 'UPPER'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('upper-case') as string,
    })
    expect(await store.run(['pull'])).toMatchObject({ code: 125 })
  })

  test('show a line per layer on a terminal', async ({ skip }) => {
    skip(noTerminal !== undefined, noTerminal)
    const registry = await registryOf()
    const name = `${registry.host}/tiny:3`
    await store.output('tag', 'tiny:1', name)
    const env = { ...store.env, CI: '' }
    const pushed = await onTerminal(['push', name], [], env)
    expect(pushed).toMatch(/\n[0-9a-f]{12}: Pushing +\[[ =]{20}\] [^]*Complete[^]*3: digest: [^]*exit 0/)
    await store.output('rmi', '-f', id)
    const pulled = await onTerminal(['pull', name], [], env)
    expect(pulled).toMatch(/asking the registry\n[^]*[0-9a-f]{12}: Downloading +\[[^]*Extracting[^]*Complete[^]*exit 0/)
    const onCi = await onTerminal(['pull', name], [], { ...env, CI: 'true' })
    expect(onCi).toMatch(/^[^\n]*up to date[^\n]*\nDigest: [^\n]*\nStatus: [^\n]*\n[^\n]*\n\nexit 0/)
    await store.output('tag', id, 'tiny:1')
    await store.output('rmi', name)
  })
})

test('Ctrl-C ends a pull at once, with 130, and the store is as it was', async ({ skip }) => {
  skip(noTerminal !== undefined, noTerminal)
  const image = makeImage(['slow'])
  const [layer] = image.layers
  const registry = await startHostileRegistry((request, response) => {
    const { url = '' } = request
    if (url.includes('/manifests/')) {
      response.writeHead(200, { 'content-type': image.manifest.mediaType }).end(image.manifest.bytes)
    } else if (url.endsWith(image.config.digest)) response.writeHead(200).end(image.config.bytes)
    else if (url.endsWith(layer!.digest)) {
      response.writeHead(200, { 'content-length': layer!.size }).write(layer!.bytes.subarray(0, 10))
    } else response.writeHead(url === '/v2/' ? 200 : 404).end()
  })
  onTestFinished(() => registry[Symbol.asyncDispose]())
  const steps = [{ expect: 'Downloading' }, { send: '\u0003' }]
  const shown = await onTerminal(['pull', `${registry.host}/slow`], steps, { ...store.env, CI: '' })
  expect(shown).toMatch(/exit 130\nterminal restored/)
  expect(await store.output('images', '-q', '--no-trunc')).toBe(id)
  expect(await store.output('system', 'df', '--format', '{{.Type}} {{.Size}}')).toMatch(/Left Over (0B|\d+B)$/)
})

describe('login', () => {
  const { username, password } = registryAccount
  const config = (): string => readFileSync(join(store.directory, 'docker', 'config.json'), 'utf8')

  test('keeps what the registry takes, and logout forgets it', async () => {
    const registry = await registryOf({ auth: true })
    const name = `${registry.host}/tiny`
    await store.output('tag', 'tiny:1', name)
    expect(await store.run(['push', '-q', name])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('airplant login') as string,
    })
    const wrong = await store.run(['login', '-u', username, '--password-stdin', registry.host], { input: 'wrong' })
    expect(wrong).toMatchObject({
      code: 1,
      out: '',
      stderr: expect.stringContaining('Check the user name and the password') as string,
    })
    const login = await store.run(['login', '-u', username, '--password-stdin', registry.host], {
      input: `${password}\n`,
    })
    expect(login).toMatchObject({
      code: 0,
      out: 'Login Succeeded\n',
      stderr: expect.stringContaining('unencrypted') as string,
    })
    expect(config()).toContain(registry.host)
    expect(await store.run(['push', '-q', name])).toMatchObject({ code: 0 })
    expect(await store.run(['login', registry.host])).toMatchObject({ code: 0, out: 'Login Succeeded\n' })
    expect(await store.output('logout', registry.host)).toBe(`Removed the credentials of ${registry.host}`)
    expect(config()).not.toContain(registry.host)
    expect(await store.run(['push', '-q', name])).toMatchObject({ code: 1 })
    await store.output('rmi', name)
  })

  test('asks for name and password on a terminal, which does not show the password', async ({ skip }) => {
    skip(noTerminal !== undefined, noTerminal)
    const registry = await registryOf({ auth: true })
    const typed = (secret: string): Promise<string> =>
      onTerminal(
        ['login', registry.host],
        [{ expect: 'Username: ' }, { send: `${username}\r` }, { expect: 'Password: ' }, { send: `${secret}\r` }],
        store.env,
      )
    const shown = await typed(password)
    expect(shown).toMatch(/Login Succeeded\n\nexit 0\nterminal restored/)
    expect(shown).not.toContain(password)
    await store.output('logout', registry.host)
    expect(await typed('wrong')).toMatch(/refuses the credentials of user "tester"[^]*exit 1\nterminal restored/)
  })

  test('without a terminal wants flags', async () => {
    expect(await store.run(['login', '127.0.0.1:9'])).toMatchObject({ code: 125 })
    expect(await store.run(['login', '--password-stdin'])).toMatchObject({ code: 125 })
    expect(await store.run(['login', '-u', 'a', '-p', 'b', 'not a host'])).toMatchObject({ code: 125 })
    expect(await store.output('logout', 'never.example')).toBe('Not logged in to never.example')
  })
})
