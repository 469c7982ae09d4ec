import { join } from 'node:path'
import { test as base } from '@playwright/test'
import { withContainer } from 'airplant'

export const test = base.extend({
  // One for each worker of Playwright, in a time slot of its own. In "use" all tests of the worker run; the end of the block removes it.
  app: [
    async ({}, use) => {
      const command = ['node', join(import.meta.dirname, 'server.mjs')]
      await withContainer({ command, ports: [8080], wait: { http: 8080 } }, use)
    },
    { scope: 'worker', timeout: 90_000 },
  ],
  // What page.goto('/') and request.get('/') are relative to.
  baseURL: async ({ app }, use) => await use(app.url(8080)),
})

export { expect } from '@playwright/test'
