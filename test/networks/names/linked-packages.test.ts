import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const built = new URL('../../../dist/src/networks/names/name-server.js', import.meta.url)
const directory = mkdtempSync(join(tmpdir(), 'airplant-linked-'))
afterAll(() => rmSync(directory, { recursive: true }))

test.skipIf(!existsSync(built))(
  'packages that are links, as of pnpm, are found also after a name server began to listen',
  () => {
    mkdirSync(join(directory, 'node_modules'))
    mkdirSync(join(directory, 'store', 'node_modules', 'other'), { recursive: true })
    mkdirSync(join(directory, 'store', 'node_modules', 'linked'))
    symlinkSync('../store/node_modules/linked', join(directory, 'node_modules', 'linked'))
    writeFileSync(join(directory, 'store', 'node_modules', 'linked', 'index.js'), "module.exports = require('other')")
    writeFileSync(join(directory, 'store', 'node_modules', 'other', 'index.js'), "module.exports = { word: 'found' }")
    const paths = { udpPath: join(directory, 'udp'), tcpPath: join(directory, 'tcp') }
    const script = join(directory, 'main.mjs')
    const body = `
    import { NameServer } from ${JSON.stringify(built.href)}
    const server = await NameServer.listen({ ...${JSON.stringify(paths)}, view: () => ({}) })
    const { default: linked } = await import('linked')
    console.log(linked.word)
    await server[Symbol.asyncDispose]()`
    writeFileSync(script, body)
    expect(execFileSync(process.execPath, [script], { encoding: 'utf8' })).toBe('found\n')
  },
)
