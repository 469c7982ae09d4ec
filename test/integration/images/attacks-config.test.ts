import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { ImageConfig, LocalImage } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf, outputOf, runToEnd } from '../../support/containers.ts'
import { localImage } from '../../support/local-image.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const parent = mkdtempSync(join(tmpdir(), 'airplant-evil-image-'))
chmodSync(parent, 0o755)
afterAll(() => rmSync(parent, { recursive: true }))

const root = tinyRoot(parent)
const image = (config: Partial<ImageConfig> = {}): LocalImage => localImage([root.path], config)

test.each<readonly [string, Partial<ImageConfig>]>([
  ['a signal that is none', { stopSignal: '__proto__' }],
  ['a user of 2^32', { user: '4294967296' }],
  ['an argument of megabytes', { cmd: ['sh', '-c', 'true', 'x'.repeat(3_000_000)] }],
  [
    'more variables than a program can have',
    { env: Array.from({ length: 50_000 }, (_, at) => `A${at}=${'x'.repeat(50)}`) },
  ],
])('an image with %s is refused, and other containers do not suffer', async (_, config) => {
  const error = await errorOf(runToEnd({ image: image({ cmd: ['true'], ...config }) }))
  expect(error.message.length).toBeLessThan(2000)
  expect(await outputOf('echo fine', { image: image() })).toBe('fine')
})

test('a volume that points upward is inside', async () => {
  const { exitCode } = await runToEnd({ image: image({ cmd: ['true'], volumes: ['../../outside'] }) })
  expect(exitCode).toBe(0)
})

test('names that mean something to JavaScript are names like others', async () => {
  const env = ['__proto__=a', 'constructor=b', 'toString=c']
  const labels = JSON.parse('{"__proto__":"l","constructor":"m"}') as Record<string, string>
  const script = 'env | grep -E "^(__proto__|constructor|toString)=" | sort'
  expect(await outputOf(script, { image: image({ env, labels }) })).toBe('__proto__=a\nconstructor=b\ntoString=c')
})

test('a program that runs as root in the container does not run as its owner where it is copied to', async () => {
  const to = mkdtempSync(join(parent, 'to-'))
  const script = 'mkdir -p /x/d; echo > /x/su; chmod 6755 /x/su; chmod 2777 /x/d; echo ready; sleep 1000'
  const options = { image: image(), command: ['sh', '-c', script], wait: { log: 'ready' } }
  await withContainer(options, async (container) => {
    await container.copyOut('/x', join(to, 'x'))
    await container.copyOut('/x/su', join(to, 'su'))
  })
  for (const name of ['x/su', 'su']) {
    expect(statSync(join(to, name))).toMatchObject({ mode: 0o100755, uid: process.getuid!() })
  }
  expect(statSync(join(to, 'x/d')).mode & 0o7000).toBe(0)
})
