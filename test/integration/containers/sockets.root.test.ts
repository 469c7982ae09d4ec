import { once } from 'node:events'
import { existsSync, lstatSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers } from '../../support/containers.ts'

checkLeftovers()

test('real root connects to the socket of a server that is somebody else in the container', async () => {
  const server = `require('net').createServer((s) => s.end('hello')).listen('/run/server/it', () => console.log('listening'))`
  const options = { command: ['node', '-e', server], user: '33:33', sockets: ['/run/server'] }
  const directory = await withContainer({ ...options, wait: { log: 'listening' } }, async (container) => {
    const path = container.socketDirectory('/run/server')
    const [answer] = (await once(connect(join(path, 'it')), 'data')) as [Buffer]
    expect(answer.toString()).toBe('hello')
    expect(lstatSync(join(path, 'it')).uid).toBeGreaterThan(65_535)
    return path
  })
  expect(existsSync(directory)).toBe(false)
})
