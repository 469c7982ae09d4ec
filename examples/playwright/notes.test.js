import { expect, test } from './fixtures.js'

test('keeps notes', async ({ request }) => {
  await request.post('/', { data: 'water the plants' })
  expect(await (await request.get('/')).json()).toContain('water the plants')
})

test('says what it has written when something fails', async ({ app, request }) => {
  expect((await request.get('/')).ok()).toBe(true)
  expect((await app.logs()).stderr).toBe('')
})
