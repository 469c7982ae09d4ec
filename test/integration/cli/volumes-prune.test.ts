import { expect, test } from 'vitest'
import { cliStore } from '../../support/cli-store.ts'
import { noTerminal, onTerminal } from '../../support/on-terminal.ts'

const store = cliStore()

test('volumes are made, listed, shown and removed', async () => {
  expect(await store.output('volume', 'create', '--label', 'team=red', 'data')).toBe('data')
  expect(await store.output('volume', 'create', 'data')).toBe('data')
  expect(await store.output('volume', 'create')).toMatch(/^[0-9a-f]{64}$/)
  const listed = (await store.output('volume', 'ls')).split('\n')
  expect(listed).toHaveLength(3)
  expect(listed[0]).toBe('DRIVER   VOLUME NAME')
  expect(listed).toContain('local    data')
  expect(await store.output('volume', 'ls', '-q', '-f', 'label=team')).toBe('data')
  expect(JSON.parse(await store.output('volume', 'inspect', 'data'))).toMatchObject([
    { Name: 'data', Driver: 'local', Labels: { team: 'red' }, Scope: 'local' },
  ])
  const removed = await store.run(['volume', 'rm', 'nothing', 'data'])
  expect(removed).toMatchObject({ code: 1, out: 'data\n', stderr: expect.stringContaining('"nothing"') as string })
  expect(await store.run(['volume', 'create', '../x'])).toMatchObject({ code: 125 })
  expect(await store.run(['volume', 'create', '-o', 'device=/x', 'y'])).toMatchObject({ code: 125 })
})

test('pruning asks, and where nobody can answer it wants to be forced', async ({ skip }) => {
  skip(noTerminal !== undefined, noTerminal)
  await store.importImage('tiny:1')
  const refused = await store.run(['prune', '-a'])
  expect(refused).toMatchObject({ code: 125, stderr: expect.stringContaining('Write --force') as string })
  const no = await onTerminal(['prune', '-a'], [{ expect: '[y/N] ' }, { send: 'n\r' }], store.env)
  expect(no).toMatch(/all images that no running container uses[^]*exit 0\nterminal restored/)
  const interrupted = await onTerminal(['prune', '-a'], [{ expect: '[y/N] ' }, { send: '\u0003' }], store.env)
  expect(interrupted).toMatch(/exit 130\nterminal restored/)
  expect(await store.output('images', '-q')).not.toBe('')
  const yes = await onTerminal(['prune', '-a'], [{ expect: '[y/N] ' }, { send: 'y\r' }], store.env)
  expect(yes).toMatch(/Untagged: tiny:1\nDeleted: sha256:[0-9a-f]{64}\n\nTotal reclaimed space: [\d.]+MB/)
  expect(await store.output('images', '-q')).toBe('')
})

test('pruning leaves what a container uses, and what filters leave out', async () => {
  const id = await store.importImage('tiny:1', '-c', 'LABEL keep=yes')
  await store.output('volume', 'create', 'idle')
  const running = store.start([
    'run',
    '--name',
    'user',
    '-v',
    'busy:/data',
    'tiny:1',
    'sh',
    '-c',
    'echo ready; sleep 60',
  ])
  await running.shows('ready')
  try {
    const df = await store.output('system', 'df')
    expect(df).toMatch(/^TYPE {12}TOTAL {3}ACTIVE {3}SIZE +RECLAIMABLE\nImages {10}1 {7}1 /)
    expect(await store.output('volume', 'ls', '-q', '-f', 'dangling=true')).toMatch(/idle$/)
    expect(await store.run(['rmi', 'tiny:1'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('uses it') as string,
    })
    expect(await store.run(['volume', 'rm', 'busy'])).toMatchObject({ code: 1 })
    const unnamed = await store.run(['volume', 'prune', '-f'])
    expect(unnamed).toMatchObject({ code: 0, out: 'Total reclaimed space: 0B\n' })
    const pruned = await store.output('prune', '-a', '-f', '--volumes')
    expect(pruned).toMatch(/^Deleted Volumes:\n[^]*idle\n\nTotal reclaimed space: /)
    expect(pruned).not.toContain('busy')
    expect(await store.output('images', '-q', '--no-trunc')).toBe(id)
  } finally {
    running.child.kill('SIGKILL')
    await running.ended
  }
  expect(await store.output('image', 'prune', '-a', '-f', '--filter', 'label!=keep')).toBe('Total reclaimed space: 0B')
  expect(await store.output('image', 'prune', '-a', '-f', '--filter', 'until=1h')).toBe('Total reclaimed space: 0B')
  expect(await store.output('system', 'prune', '-a', '-f', '--volumes')).toMatch(/busy[^]*Untagged: tiny:1/)
})
