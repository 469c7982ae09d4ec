import { expect, test } from 'vitest'
import { parseImageConfig } from '../../src/images/config.ts'
import type { ImageConfig } from '../../src/images/image.ts'

const diffId = `sha256:${'b'.repeat(64)}`

function parse(config: object, rest: object = {}): ImageConfig {
  return parseImageConfig(Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config, ...rest })))
}

test('a configuration as docker writes it is read', () => {
  const config = parse(
    {
      Env: ['PATH=/bin', 'PGDATA=/var/lib/postgresql/data'],
      Entrypoint: ['docker-entrypoint.sh'],
      Cmd: ['postgres'],
      User: '999:999',
      WorkingDir: '/srv',
      ExposedPorts: { '5432/tcp': {} },
      Volumes: { '/var/lib/postgresql/data': {} },
      StopSignal: 'SIGINT',
      Labels: { a: 'b' },
      OnBuild: null,
    },
    {
      created: '2024-01-01T00:00:00Z',
      rootfs: { type: 'layers', diff_ids: [diffId] },
      history: [{ created_by: 'RUN x', empty_layer: true }],
      'com.example.unknown': { kept: true },
    },
  )
  expect(config).toMatchObject({
    platform: { os: 'linux', architecture: 'amd64' },
    created: '2024-01-01T00:00:00Z',
    entrypoint: ['docker-entrypoint.sh'],
    cmd: ['postgres'],
    user: '999:999',
    workdir: '/srv',
    exposedPorts: ['5432/tcp'],
    volumes: ['/var/lib/postgresql/data'],
    stopSignal: 'SIGINT',
    labels: { a: 'b' },
    diffIds: [diffId],
    history: [{ createdBy: 'RUN x', emptyLayer: true, comment: undefined }],
    healthcheck: undefined,
  })
  expect(config.document['com.example.unknown']).toEqual({ kept: true })
})

test('an empty configuration has defaults, null is none', () => {
  const config = parseImageConfig(Buffer.from('{"config":{"Env":null,"Cmd":null,"Labels":null,"Volumes":null}}'))
  expect(config).toMatchObject({
    env: [],
    cmd: [],
    entrypoint: [],
    user: '',
    workdir: '',
    labels: {},
    volumes: [],
    diffIds: [],
  })
})

test('a variable without a value is empty, not the one of this machine', () => {
  expect(parse({ Env: ['HOME', 'A=1=2', 'E=', '=x', ''] }).env).toEqual(['HOME=', 'A=1=2', 'E='])
})

test('a command may be a single text', () => {
  expect(parse({ Cmd: 'bash' }).cmd).toEqual(['bash'])
})

test('health checks of every form are read, times in milliseconds', () => {
  const check = (healthcheck: object, shell?: string[]): ImageConfig['healthcheck'] =>
    parse({ Healthcheck: healthcheck, ...(shell && { Shell: shell }) }).healthcheck
  expect(check({ Test: ['CMD', 'pg_isready', '-q'] })).toEqual({
    command: ['pg_isready', '-q'],
    interval: 30_000,
    timeout: 30_000,
    startPeriod: 0,
    startInterval: 5_000,
    retries: 3,
  })
  expect(
    check({ Test: ['CMD-SHELL', 'exit 1'], Interval: 5e9, Timeout: 1e8, StartPeriod: 2e9, Retries: 5 }),
  ).toMatchObject({
    command: ['/bin/sh', '-c', 'exit 1'],
    interval: 5000,
    timeout: 100,
    startPeriod: 2000,
    retries: 5,
  })
  expect(check({ Test: ['CMD-SHELL', 'x'] }, ['/bin/bash', '-c'])?.command).toEqual(['/bin/bash', '-c', 'x'])
  expect(check({ Test: ['NONE'] })).toBeUndefined()
  expect(check({ Test: [] })).toBeUndefined()
  expect(() => check({ Test: ['EXEC', 'x'] })).toThrow('"config.Healthcheck.Test"')
  expect(() => check({ Test: ['CMD'] })).toThrow('no command')
  expect(() => check({ Test: ['CMD', 'x'], Interval: -1 })).toThrow('negative')
})

test('wrong types are named', () => {
  const invalid = (name: string): unknown =>
    expect.objectContaining({ code: 'ERR_INVALID_IMAGE', message: expect.stringContaining(`"${name}"`) })
  expect(() => parse({ Env: 'A=1' })).toThrow(invalid('config.Env'))
  expect(() => parse({ Env: [1] })).toThrow(invalid('config.Env'))
  expect(() => parse({ Cmd: [{}] })).toThrow(invalid('config.Cmd'))
  expect(() => parse({ User: 1000 })).toThrow(invalid('config.User'))
  expect(() => parse({ Labels: { a: 1 } })).toThrow(invalid('config.Labels.a'))
  expect(() => parse({}, { rootfs: { diff_ids: ['sha256:../x'] } })).toThrow(invalid('rootfs.diff_ids[0]'))
  expect(() => parse({}, { rootfs: { type: 'weird' } })).toThrow(invalid('rootfs.type'))
  expect(() => parse({}, { history: [[]] })).toThrow(invalid('history[0]'))
  expect(() => parse([])).toThrow(invalid('config'))
})

test('snapshots stand for diff IDs only where that was asked for', () => {
  const bytes = Buffer.from(JSON.stringify({ rootfs: { diff_ids: [diffId, `snapshot:${'c'.repeat(32)}`] } }))
  expect(parseImageConfig(bytes, { snapshots: true }).diffIds).toHaveLength(2)
  expect(() => parseImageConfig(bytes)).toThrow('not known')
})
