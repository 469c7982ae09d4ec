import { expect, test } from 'vitest'
import { ask, demoServer } from './demo-server.ts'
import { withTimedContainer } from './timed-container.ts'

interface About {
  readonly hostname: string
  readonly pid: number
  readonly user: number
}

test('A server in a container answers over a published port', async ({ annotate }) => {
  await withTimedContainer(annotate, 'web', demoServer('web', [3000]), async (web) => {
    const about = await ask<About>(web, 3000, '/about')
    await annotate(`Node's HTTP server listens on port 3000 of a container; here that is ${web.url(3000)}.`)
    await annotate(
      `Asked about itself it answered: host "${about.hostname}", process ${about.pid}, user ${about.user}. On this machine it is process ${web.pid}.`,
    )
    expect(about).toEqual({ hostname: 'web', pid: 1, user: 0 })
    expect(web.pid).not.toBe(1)
  })
})

test('Nothing listens any more when its container is gone', async ({ annotate }) => {
  let url = ''
  await withTimedContainer(annotate, 'short', demoServer('short', [3000]), async (short) => {
    url = short.url(3000)
    expect((await fetch(`${url}/about`)).status).toBe(200)
  })
  await expect(fetch(`${url}/about`)).rejects.toThrow()
  await annotate(`${url} answered while the container lived, and refuses connections now.`)
})
