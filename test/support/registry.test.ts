import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { registryAccount, startRegistry } from './registry.ts'

test('the registry answers as soon as it is started, and nothing of it stays', async () => {
  const registry = await startRegistry()
  try {
    const response = await fetch(`${registry.url}/v2/`)
    expect(response.status).toBe(200)
    expect(response.headers.get('docker-distribution-api-version')).toBe('registry/2.0')
  } finally {
    await registry[Symbol.asyncDispose]()
  }
  expect(existsSync(registry.directory)).toBe(false)
  await expect(fetch(`${registry.url}/v2/`)).rejects.toThrow()
})

test('a registry with accounts wants the right password', async () => {
  await using registry = await startRegistry({ auth: true })
  const { username, password } = registryAccount
  const ask = async (given: string) => {
    const authorization = `Basic ${Buffer.from(`${username}:${given}`).toString('base64')}`
    return (await fetch(`${registry.url}/v2/`, { headers: { authorization } })).status
  }
  expect(await ask(password)).toBe(200)
  expect(await ask('wrong')).toBe(401)
})
