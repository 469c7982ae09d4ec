import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { withContainer } from 'airplant'
import { redis } from 'airplant/presets'
import { Redis } from 'ioredis'

// For the whole file: hooks of node:test have no timeout unless they are given one.
let cache
let client
before(async () => {
  cache = await withContainer(redis({ image: 'redis:7' }))
  client = new Redis(cache.connection)
})
after(async () => {
  await client?.quit()
  await cache?.[Symbol.asyncDispose]()
})

test('counts', async () => {
  await client.incr('visits')
  assert.equal(await client.incr('visits'), 2)
})

test('has a server of its own', { timeout: 30_000 }, async (t) => {
  // The signal ends a start that takes too long together with the test; t.after removes what was started.
  const own = await withContainer({ ...redis({ image: 'redis:7' }), signal: t.signal })
  t.after(() => own[Symbol.asyncDispose]())
  const { output } = await own.exec(['redis-cli', 'get', 'visits'])
  assert.equal(output.trim(), '')
})

test('needs no clean-up with a function', async () => {
  const answer = await withContainer(redis({ image: 'redis:7' }), async (own) => {
    const { output } = await own.exec(['redis-cli', 'ping'])
    return output.trim()
  })
  assert.equal(answer, 'PONG')
})
