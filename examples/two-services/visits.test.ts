import { join } from 'node:path'
import { createNetwork, withContainer } from 'airplant/vitest'
import { redis } from 'airplant/presets'
import { beforeAll, expect, test } from 'vitest'

async function startBoth() {
  // Containers of a network reach each other by name. Without egress neither reaches anything else.
  const network = await createNetwork({ internal: true })
  const cache = await withContainer({ ...redis({ image: 'redis:7' }), network, name: 'cache' })
  // No image: this machine's own files, read-only, with its Node.
  const app = await withContainer({
    command: ['node', join(import.meta.dirname, 'server.mjs')],
    network,
    ports: [8080],
    wait: { http: 8080 },
  })
  return { app, cache }
}

let both: Awaited<ReturnType<typeof startBoth>>

// 0 is no timeout for vitest: containers have a deadline of their own, and say more when it passes.
beforeAll(async () => {
  both = await startBoth()
}, 0)

const visit = async (): Promise<string> => await (await fetch(both.app.url(8080))).text()

test('the program counts in the other container', async () => {
  const before = Number((await visit()).split(' ')[1])
  expect(await visit()).toBe(`visit ${before + 1}`)
})

test('and says so when that is gone', async () => {
  await both.cache.stop()
  expect((await fetch(both.app.url(8080))).status).toBe(503)
})
