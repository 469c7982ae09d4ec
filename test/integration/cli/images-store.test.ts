import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { cliStore } from '../../support/cli-store.ts'
import { noTerminal, onTerminal } from '../../support/on-terminal.ts'

const store = cliStore()
let id: string

beforeAll(async () => {
  id = await store.importImage('tiny:1', '-c', 'CMD ["echo","imported"]', '-c', 'LABEL team=red', '-m', 'by hand')
})

const table = (out: string): string[][] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {3,}/))

describe('airplant import', () => {
  test('makes an image that runs, from a file too', async () => {
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(await store.output('run', 'tiny:1')).toBe('imported')
    const file = join(store.directory, 'flat.tar')
    execFileSync('tar', ['-C', '/etc', '-cf', file, 'hostname'])
    expect(await store.output('import', file)).toMatch(/^sha256:/)
    await store.output('image', 'prune', '-f')
  })

  test('says what is wrong with its input', async () => {
    expect(await store.run(['import', '-'], { input: 'no archive' })).toMatchObject({ code: 1, out: '' })
    expect(await store.run(['import', join(store.directory, 'nothing')])).toMatchObject({ code: 1 })
    expect(await store.run(['import', 'https://example.com/x.tar'])).toMatchObject({ code: 125 })
    expect((await store.run(['import', '-c', 'RUN x', '-'], { input: '' })).code).toBe(125)
  })
})

describe('airplant images', () => {
  test('is a table as docker prints it', async () => {
    const [head, row] = table(await store.output('images'))
    expect(head).toEqual(['REPOSITORY', 'TAG', 'IMAGE ID', 'CREATED', 'SIZE'])
    expect(row).toEqual(['tiny', '1', id.slice(7, 19), expect.stringMatching(/ago$/), expect.stringMatching(/MB$/)])
    expect(table(await store.output('image', 'ls', '--digests', '--no-trunc', 'ti*'))[1]).toEqual(
      expect.arrayContaining([expect.stringMatching(/^sha256:/), id]),
    )
  })

  test('prints IDs, JSON and templates', async () => {
    expect(await store.output('images', '-q')).toBe(id.slice(7, 19))
    expect(await store.output('images', '-q', '--no-trunc')).toBe(id)
    expect(JSON.parse(await store.output('images', '--format', 'json'))).toMatchObject({ Repository: 'tiny', Tag: '1' })
    expect(await store.output('images', '--format', '{{.Repository}}:{{.Tag}}')).toBe('tiny:1')
    expect(await store.output('images', '--format', 'table {{.Tag}}\\t{{.ID}}')).toBe(
      `TAG   IMAGE ID\n1     ${id.slice(7, 19)}`,
    )
    expect(await store.run(['images', '--format', '{{.Nothing}}'])).toMatchObject({ code: 125, out: '' })
  })

  test('filters', async () => {
    for (const filter of ['label=team=red', 'reference=tin?', 'dangling=false']) {
      expect(await store.output('images', '-q', '-f', filter), filter).toBe(id.slice(7, 19))
    }
    for (const filter of ['label=team=blue', 'reference=other', 'dangling=true', 'until=1h']) {
      expect(await store.output('images', '-q', '-f', filter), filter).toBe('')
    }
    expect(await store.run(['images', '-f', 'colour=red'])).toMatchObject({ code: 125 })
  })
})

test('history tells how it came about', async () => {
  const [head, row] = table(await store.output('history', 'tiny:1'))
  expect(head).toEqual(['IMAGE', 'CREATED', 'CREATED BY', 'SIZE', 'COMMENT'])
  expect(row).toEqual([
    id.slice(7, 19),
    expect.stringMatching(/ago$/),
    'airplant import',
    expect.stringMatching(/MB$/),
    'by hand',
  ])
  expect(await store.output('history', '-q', '--no-trunc', 'tiny:1')).toBe(id)
  expect(await store.output('history', '--human=false', '--format', '{{.Size}}', 'tiny:1')).toMatch(/^\d{6,}$/)
  expect(await store.run(['history', 'nothing'])).toMatchObject({ code: 1, out: '' })
})

test('inspect prints what is found, in docker’s names, and says what is not', async () => {
  const { code, out, stderr } = await store.run(['inspect', 'tiny:1', 'nothing', id.slice(7, 15)])
  expect([code, stderr]).toEqual([1, expect.stringContaining('Cannot inspect "nothing"')])
  const [byName, byId] = JSON.parse(out) as Record<string, unknown>[]
  expect(byName).toEqual(byId)
  expect(byName).toMatchObject({
    ...{ Id: id, RepoTags: ['tiny:1'], Comment: 'by hand', Os: 'linux', RootFS: { Type: 'layers' } },
    Config: { Cmd: ['echo', 'imported'], Labels: { team: 'red' } },
  })
  expect(await store.output('inspect', '-f', '{{json .Config.Cmd}} {{.Os}}', 'tiny:1')).toBe(
    '["echo","imported"] linux',
  )
  expect(await store.run(['volume', 'inspect', 'tiny'])).toMatchObject({ code: 1, out: '[]\n' })
})

test('tag and rmi say what they do, and go on after what is missing', async () => {
  await store.output('tag', 'tiny:1', 'other.example/tiny:2')
  expect(await store.output('inspect', '-f', '{{join .RepoTags " "}}', id)).toBe('tiny:1 other.example/tiny:2')
  expect(await store.run(['rmi', id])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('2 repositories') as string,
  })
  const removed = await store.run(['rmi', 'nothing:here', 'other.example/tiny:2'])
  expect(removed).toMatchObject({ code: 1, out: 'Untagged: other.example/tiny:2\n' })
  expect(removed.stderr).toContain('nothing:here')
  expect(await store.run(['rmi', '-f', 'nothing:here'])).toMatchObject({ code: 0 })
  expect(await store.run(['tag', 'nothing', 'x'])).toMatchObject({ code: 1 })
  expect(await store.run(['tag', 'tiny:1'])).toMatchObject({ code: 125 })
})

describe('save and load', () => {
  test.each([
    ['docker-archive', 'docker-archive:%s'],
    ['oci-archive', 'oci-archive:%s'],
    ['oci-dir', 'oci:%s'],
  ])('as %s move images, and skopeo reads them', async (format, transport) => {
    const file = join(store.directory, format)
    expect(await store.output('save', '--format', format, '-o', file, 'tiny:1')).toBe('')
    const config = execFileSync('skopeo', ['inspect', '--config', transport.replace('%s', file)]).toString()
    expect(JSON.parse(config)).toMatchObject({ config: { Cmd: ['echo', 'imported'] } })
    expect(await store.output('rmi', 'tiny:1')).toBe(`Untagged: tiny:1\nDeleted: ${id}`)
    expect(await store.output('load', '-q', '-i', file)).toBe('Loaded image: tiny:1')
    expect(await store.output('images', '-q', '--no-trunc')).toBe(id)
  })

  test('go through pipes', async () => {
    const saved = await store.start(['save', 'tiny:1']).ended
    const loaded = await store.run(['load'], { input: saved.stdout })
    expect(loaded).toMatchObject({ code: 0, out: 'Loaded image: tiny:1\n' })
    expect(loaded.stderr).toMatch(/tiny:1: /)
  })

  test('leave nothing behind when they fail', async () => {
    const file = join(store.directory, 'nothing.tar')
    expect(await store.run(['save', '-o', file, 'tiny:1', 'nothing'])).toMatchObject({ code: 1 })
    expect(existsSync(file)).toBe(false)
    expect(await store.run(['save', '-o', '/dev/full', 'tiny:1'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no space') as string,
    })
    expect(await store.run(['save', '--format', 'oci-dir', 'tiny:1'])).toMatchObject({ code: 125 })
    writeFileSync(file, 'no archive')
    expect(await store.run(['load', '-i', file])).toMatchObject({ code: 1, out: '' })
  })

  test('do not mind a reader that has seen enough', () => {
    const script = `set -o pipefail; "${process.execPath}" "$@" save tiny:1 | head -c 5 > /dev/null; echo "$\{PIPESTATUS[0]}"`
    const main = new URL('../../../dist/src/cli/main.js', import.meta.url).pathname
    const env = { ...process.env, ...store.env }
    expect(execFileSync('bash', ['-c', script, 'bash', main], { env, encoding: 'utf8' })).toBe('0\n')
  })

  test('refuse terminals', async ({ skip }) => {
    skip(noTerminal !== undefined, noTerminal)
    expect(await onTerminal(['save', 'tiny:1'], [], store.env)).toMatch(
      /Cannot write an archive to a terminal[^]*exit 125/,
    )
    expect(await onTerminal(['load'], [], store.env)).toMatch(/Cannot read an archive from a terminal[^]*exit 125/)
  })
})
