import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { NetworkDefinition } from '../../../src/networks/definitions/network-definition.ts'
import { parseDefinition } from '../../../src/networks/definitions/network-definition.ts'
import { NetworkDefinitions } from '../../../src/networks/definitions/network-definitions.ts'

const state = mkdtempSync(join(tmpdir(), 'airplant-definitions-'))
afterAll(() => rmSync(state, { recursive: true }))

const web: NetworkDefinition = {
  ...{ id: '0123456789ab', name: 'web', subnet: '10.90.0.0/24', subnet6: undefined, internal: false },
  ...{ labels: { a: 'b' }, created: '2026-01-31T12:00:00.000Z' },
}

describe('the text of a definition', () => {
  test('is read back as it was written', () => {
    expect(parseDefinition(JSON.stringify(web), 'web')).toEqual(web)
    const both = { ...web, subnet6: 'fd00:1::/64' }
    expect(parseDefinition(JSON.stringify(both), 'web')).toEqual(both)
  })

  test.each<[string, unknown]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', null],
    ['a list', [web]],
    ['another name', { ...web, name: 'other' }],
    ['an ID that is a path', { ...web, id: '../../../etc' }],
    ['no subnet', { ...web, subnet: undefined }],
    ['a subnet that is none', { ...web, subnet: '10.90.0.1/24' }],
    ['a number as subnet', { ...web, subnet6: 5 }],
    ['a text as switch', { ...web, internal: 'yes' }],
    ['labels that are no texts', { ...web, labels: { a: {} } }],
    ['a list of labels', { ...web, labels: ['a'] }],
    ['a time with escapes', { ...web, created: '\u001b[2J' }],
  ])('%s is no definition', (_what, value) => {
    expect(parseDefinition(typeof value === 'string' ? value : JSON.stringify(value), 'web')).toBeUndefined()
  })

  test('a reserved or malformed name is none', () => {
    for (const name of ['host', 'container', 'a..b', '-a']) {
      expect(parseDefinition(JSON.stringify({ ...web, name }), name), name).toBeUndefined()
    }
  })
})

describe('a directory of definitions', () => {
  const definitions = new NetworkDefinitions(state)

  test('is empty while it is not there', () => {
    expect(definitions.list()).toEqual([])
    expect(definitions.find('web')).toBeUndefined()
  })

  test('shows what is a definition, and nothing else that lies there', () => {
    mkdirSync(definitions.directory)
    definitions.write(web)
    expect(statSync(join(definitions.directory, 'web.json')).mode & 0o777).toBe(0o600)
    writeFileSync(join(definitions.directory, 'torn.json'), JSON.stringify({ ...web, name: 'torn' }).slice(0, -5))
    writeFileSync(join(definitions.directory, 'renamed.json'), JSON.stringify(web))
    writeFileSync(join(definitions.directory, 'shared'), '0123456789ab')
    writeFileSync(join(definitions.directory, 'large.json'), ' '.repeat(1024 * 1024 + 1))
    symlinkSync('web.json', join(definitions.directory, 'link.json'))
    mkdirSync(join(definitions.directory, 'directory.json'))
    expect(definitions.list()).toEqual([web])
    expect(definitions.find('web')).toEqual(web)
    for (const name of ['torn', 'renamed', 'large', 'link', 'directory', '../networks/web', '', '.']) {
      expect(definitions.find(name), name).toBeUndefined()
    }
  })

  test('forgets what is removed', () => {
    definitions.remove('web')
    definitions.remove('web')
    expect(definitions.list()).toEqual([])
  })
})
