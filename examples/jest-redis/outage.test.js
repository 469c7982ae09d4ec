const { expect, test } = require('@jest/globals')
const { presets, withContainer } = require('airplant/jest')
const { Redis } = require('ioredis')
const { visit } = require('./counter.js')

test('says so when the server is gone', async () => {
  // A server of this test's own, which nobody else misses; what is left of it ends with the test.
  const own = await withContainer(presets.redis({ image: 'redis:7' }))
  const client = new Redis({ ...own.connection, maxRetriesPerRequest: 0, retryStrategy: () => null })
  client.on('error', () => undefined)
  await visit(client, 'home')
  await own.stop()
  await expect(visit(client, 'home')).rejects.toThrow(/closed/i)
})
