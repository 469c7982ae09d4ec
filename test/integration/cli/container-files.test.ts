import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningCli } from '../../support/cli.ts'
import { cliStore } from '../../support/cli-store.ts'
import { noTerminal, onTerminal } from '../../support/on-terminal.ts'

const store = cliStore()
let running: RunningCli

beforeAll(async () => {
  await store.importImage('tiny:1')
  const script = 'echo kept > /home/app/file; ln -s file /home/app/link; rm /bin/nc; echo ready; sleep 1000'
  running = store.start(['run', '--name', 'box', 'tiny:1', 'sh', '-c', script])
  await running.shows('ready')
})
afterAll(async () => {
  running.child.kill('SIGKILL')
  await running.ended
})

const path = (name: string): string => join(store.directory, name)

test('inspect shows a running container, by name and by the beginning of its ID', async () => {
  const [found] = JSON.parse(await store.output('inspect', 'box')) as { Id: string }[]
  expect(found).toMatchObject({ Name: 'box', State: { Status: 'running', Running: true }, Config: { Image: 'tiny:1' } })
  expect(await store.output('inspect', '-f', '{{.Name}}', found!.Id.slice(0, 6))).toBe('box')
  expect(await store.run(['container', 'inspect', 'tiny:1'])).toMatchObject({ code: 1 })
})

test('diff says what it added, changed and deleted', async () => {
  const lines = (await store.output('diff', 'box')).split('\n')
  expect(lines).toEqual(expect.arrayContaining(['A /home/app/file', 'C /home/app', 'D /bin/nc']))
  const json = (await store.output('diff', '--format', 'json', 'box'))
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  expect(json).toContainEqual({ kind: 'deleted', path: '/bin/nc' })
  expect(await store.run(['diff', 'nothing'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('box') as string,
  })
})

describe('cp', () => {
  beforeAll(() => {
    mkdirSync(path('seed/sub'), { recursive: true })
    writeFileSync(path('seed/one'), 'one')
    writeFileSync(path('seed/sub/two'), 'two')
  })
  const inside = async (file: string): Promise<string> => {
    const tar = (await store.start(['cp', `box:${file}`, '-']).ended).stdout
    return execFileSync('tar', ['-xO'], { input: tar }).toString()
  }

  test('puts directories into those that are there, and else under the new name', async () => {
    expect(await store.output('cp', path('seed'), 'box:/tmp')).toBe('')
    expect(await inside('/tmp/seed/sub/two')).toBe('two')
    await store.output('cp', path('seed'), 'box:/srv')
    expect(await inside('/srv/one')).toBe('one')
    await store.output('cp', `${path('seed')}/.`, 'box:/tmp/')
    expect(await inside('/tmp/one')).toBe('one')
    await store.output('cp', path('seed/one'), 'box:/tmp/renamed')
    expect(await inside('/tmp/renamed')).toBe('one')
  })

  test('takes files out, links as links', async () => {
    await store.output('cp', 'box:/home/app/file', path('file'))
    expect(readFileSync(path('file'), 'utf8')).toBe('kept\n')
    mkdirSync(path('there'))
    await store.output('cp', 'box:/home/app', path('there'))
    expect(readFileSync(path('there/app/link'), 'utf8')).toBe('kept\n')
    await store.output('cp', 'box:/home/app/.', path('new'))
    expect(readFileSync(path('new/file'), 'utf8')).toBe('kept\n')
  })

  test('reads and writes tar archives', async () => {
    const input = execFileSync('tar', ['-C', path('seed'), '-c', 'one', 'sub'])
    expect(await store.run(['cp', '-', 'box:/var/data'], { input })).toMatchObject({ code: 0, stderr: '' })
    expect(await inside('/var/data/sub/two')).toBe('two')
    expect(await store.run(['cp', '-', 'box:/var/data'], { input: 'no archive at all' })).toMatchObject({ code: 1 })
  })

  test('never puts a directory in the place of a file', async () => {
    const error = { code: 1, stderr: expect.stringContaining('there is a file of that name') as string }
    expect(await store.run(['cp', path('seed'), 'box:/etc/passwd'])).toMatchObject(error)
    expect(await inside('/etc/passwd')).toContain('root')
    writeFileSync(path('precious'), 'still here')
    expect(await store.run(['cp', 'box:/home/app', path('precious')])).toMatchObject(error)
    expect(readFileSync(path('precious'), 'utf8')).toBe('still here')
  })

  test('says what does not exist', async () => {
    expect(await store.run(['cp', path('nothing'), 'box:/tmp'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no such file') as string,
    })
    expect(await store.run(['cp', 'box:/nothing', path('x')])).toMatchObject({ code: 1 })
    expect(await store.run(['cp', 'box:/etc/passwd', path('no/such/directory/x')])).toMatchObject({ code: 1 })
    expect(await store.run(['cp', path('seed/one'), 'box:/not/there/'])).toMatchObject({ code: 1 })
    expect(await store.run(['cp', path('seed'), path('other')])).toMatchObject({ code: 125 })
    expect(await store.run(['cp', '-L', path('seed'), 'box:/x'])).toMatchObject({ code: 125 })
    expect(await store.run(['cp', path('seed'), 'gone:/x'])).toMatchObject({ code: 1 })
  })
})

test('export is its root as an archive, also to a file', async ({ skip }) => {
  const file = path('root.tar')
  expect(await store.output('export', '-o', file, 'box')).toBe('')
  const listed = execFileSync('tar', ['-tf', file]).toString()
  expect(listed).toMatch(/^(\.\/)?home\/app\/file$/m)
  expect(listed).not.toMatch(/proc\/1/)
  const { stdout } = await store.start(['export', 'box']).ended
  expect(execFileSync('tar', ['-xO', 'home/app/file'], { input: stdout }).toString()).toBe('kept\n')
  expect(await store.run(['export', '-o', path('no/such/x'), 'box'])).toMatchObject({ code: 1 })
  skip(noTerminal !== undefined, noTerminal)
  expect(await onTerminal(['export', 'box'], [], store.env)).toMatch(
    /Cannot write an archive to a terminal[^]*exit 125/,
  )
})

test('commit makes an image of it, which runs', async () => {
  const id = await store.output(
    'commit',
    '-a',
    'me',
    '-m',
    'a note',
    '-c',
    'CMD ["cat", "/home/app/link"]',
    'box',
    'kept:1',
  )
  expect(id).toMatch(/^sha256:/)
  expect(await store.output('run', 'kept:1')).toBe('kept')
  expect(await store.output('inspect', '-f', '{{.Author}} {{.Comment}}', 'kept:1')).toBe('me a note')
  expect(await store.run(['commit', '-c', 'RUN x', 'box'])).toMatchObject({ code: 125 })
  expect(await store.run(['run', 'kept:1', 'sh', '-c', 'test ! -e /bin/nc'])).toMatchObject({ code: 0 })
})
