/** A service for projects of tests: it greets who connects, and says so in its log. */
export const greeter = `{
  command: ['node', '-e', 'require("net").createServer((s) => { console.log("visited"); s.end("hello") }).listen(7000)'],
  ports: [7000],
  wait: { port: 7000 },
}`

/** A vitest configuration with the plugin; texts of JavaScript. */
export function pluginConfig(options: string, test = '{}'): string {
  return `
    import { containers } from 'airplant/vitest/plugin'
    export default {
      plugins: [containers(${options})],
      test: { testTimeout: 20_000, hookTimeout: 20_000, ...${test} },
    }`
}

/** What test files of such projects begin with. */
export const pluginTest = `
import { existsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { containerFixture, prewarm, useContainer, useService, withContainer } from 'airplant/vitest'
import { note } from './note.js'
const sleep = { command: ['sleep', '60'] }
const visit = (address) => new Promise((resolve, reject) => {
  let text = ''
  connect(address).on('data', (data) => (text += data)).on('end', () => resolve(text)).on('error', reject)
})
`
