/** @containers cache */
const { afterAll, beforeEach, expect, test } = require('@jest/globals')
const { useService } = require('airplant/jest')
const { Redis } = require('ioredis')
const { visit } = require('./counter.js')

// It is ready: the docblock above says that this file needs it, and no time of a test or hook is charged for it.
const cache = useService('cache')
const client = new Redis(cache.url())

beforeEach(() => cache.reset())
afterAll(() => client.quit())

test('counts visits', async () => {
  await visit(client, 'home')
  expect(await visit(client, 'home')).toBe(2)
})

test('begins at one', async () => {
  expect(await visit(client, 'home')).toBe(1)
})
