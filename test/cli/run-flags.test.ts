import { describe, expect, test } from 'vitest'
import { parseRun, type RunRequest } from '../../src/cli/run-flags.ts'
import type { ContainerOptions } from '../../src/containers/options.ts'

const files: Record<string, string> = {
  'env.list': '\ufeff# comment\nA=file\n  B=two words \nHOME\nMISSING\nEMPTY=\n\n',
  'profile.json': '{ "defaultAction": "SCMP_ACT_ALLOW" }',
  'bad.json': '{',
}
const around = {
  env: { HOME: '/home/me' },
  readText(path: string) {
    const text = files[path]
    if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' })
    return text
  },
}

function run(...args: string[]): RunRequest {
  const request = parseRun(args, around)
  if (!request) throw new Error('Help was asked for')
  return request
}

const options = (...flags: string[]): ContainerOptions => run(...flags, 'host', '--', 'true').options

describe('image and command', () => {
  test('flags end at the image, one -- after it is dropped', () => {
    expect(run('host', '--', 'ls', '-i').options).toEqual({ image: 'host', command: ['ls', '-i'] })
    expect(run('host', 'ls', '--', '-i').options.command).toEqual(['ls', '--', '-i'])
    expect(run('-i', 'host', '-e').options).toMatchObject({ stdin: true, command: ['-e'] })
    expect(run('host', '--', '--', 'x').options.command).toEqual(['--', 'x'])
  })

  test('an image has a command of its own', () => {
    expect(run('postgres:17').options).toEqual({ image: 'postgres:17' })
    expect(run('--pull', 'always', '--platform', 'linux/arm64', '-q', 'a/b@sha256:1', 'psql', '-l')).toMatchObject({
      options: { image: 'a/b@sha256:1', command: ['psql', '-l'], pull: 'always', platform: 'linux/arm64' },
      quiet: true,
    })
    expect(run('--entrypoint', '', 'postgres', 'ls').options).toMatchObject({ entrypoint: [], command: ['ls'] })
    expect(() => run('--pull', 'sometimes', 'a')).toThrow('pull policy "sometimes"')
  })

  test('--rootfs stands for the image', () => {
    expect(run('--rootfs', 'dir', '--', 'ls', '-l').options).toEqual({
      image: { rootfs: 'dir' },
      command: ['ls', '-l'],
    })
    expect(run('--rootfs=dir', 'host').options.command).toEqual(['host'])
  })

  test('a missing image or command, or an image that is none, is said', () => {
    expect(() => run()).toThrow('no image was given')
    expect(() => run('host')).toThrow('no command was given')
    expect(() => run('./root', 'ls')).toThrow('Write --rootfs ./root')
    expect(run('--entrypoint', 'ls', 'host').options).toMatchObject({ entrypoint: ['ls'], command: [] })
  })

  test('help is undefined, also before a mistake', () => {
    expect(parseRun(['-i', '--help', 'nothing'], around)).toBeUndefined()
  })
})

describe('flags', () => {
  test('of the process', () => {
    expect(
      options(
        '-it',
        '-u',
        '1:2',
        '--group-add',
        'a',
        '--group-add=b',
        '-w',
        '/w',
        '-h',
        'name',
        '--init',
        '--read-only',
      ),
    ).toEqual({
      ...{ image: 'host', command: ['true'], stdin: true, tty: true, user: '1:2', groups: ['a', 'b'], workdir: '/w' },
      ...{ hostname: 'name', init: true, readOnly: true },
    })
    expect(options('--rm', '--stop-signal', 'INT', '--stop-timeout', '3', '--log-limit', '64k')).toMatchObject({
      ...{ stopSignal: 'INT', stopTimeout: 3000, logLimit: 65_536 },
    })
    expect(run('--print-plan', 'host', 'true').printPlan).toBe(true)
  })

  test('variables: -e wins over files, a name alone takes the value of the caller', () => {
    expect(options('-e', 'A=flag', '--env-file', 'env.list', '-e', 'X=a=b').env).toEqual({
      ...{ A: 'flag', B: 'two words ', HOME: '/home/me', EMPTY: '', X: 'a=b' },
    })
    expect(options('-e', 'UNSET').env).toBeUndefined()
    expect(() => options('-e', '=x')).toThrow('no name')
    expect(() => options('--env-file', 'gone')).toThrow('Cannot read --env-file "gone": ENOENT')
  })

  test('mounts', () => {
    expect(options('-v', './a:/b:ro', '-v', '/c:/d', '--mount', 'type=bind,src=/e,dst=/f,readonly').binds).toEqual([
      { source: './a', target: '/b', readOnly: true },
      { source: '/c', target: '/d', readOnly: false },
      { source: '/e', target: '/f', readOnly: true },
    ])
    const tmpfs = [
      '--tmpfs',
      '/t',
      '--tmpfs',
      '/u:rw,size=1m,mode=700',
      '--mount',
      'type=tmpfs,target=/v,tmpfs-size=2m',
    ]
    expect(options(...tmpfs, '--shm-size', '1g')).toMatchObject({
      tmpfs: [{ target: '/t' }, { target: '/u', size: '1m', mode: 0o700 }, { target: '/v', size: '2m' }],
      shmSize: '1g',
    })
  })

  test('a source without a slash is a named volume', () => {
    expect(options('-v', 'data:/a:ro', '--mount', 'source=more,target=/b')).toMatchObject({
      volumes: [
        { name: 'data', target: '/a', readOnly: true },
        { name: 'more', target: '/b', readOnly: false },
      ],
    })
    expect(options('-v', 'a/b:/c').binds).toEqual([{ source: 'a/b', target: '/c', readOnly: false }])
  })

  test('a mount option that would be ignored is refused', () => {
    expect(() => options('-v', '/a:/b:z')).toThrow('volume option "z"')
    expect(() => options('-v', '/a')).toThrow('no source')
    expect(() => options('-v', '/a:/b:ro:rw')).toThrow('too many colons')
    expect(() => options('--tmpfs', '/a:noexec')).toThrow('tmpfs option "noexec"')
    expect(() => options('--tmpfs', '/a:mode=9')).toThrow('as a mode')
    expect(() => options('--mount', 'type=volume,target=/a')).toThrow('no source')
    expect(() => options('--mount', 'type=image,source=a,target=/b')).toThrow('mount type "image"')
    expect(() => options('--mount', 'type=bind,source=/a')).toThrow('no target')
    expect(() => options('--mount', 'type=bind,target=/a')).toThrow('no source')
    expect(() => options('--mount', 'type=bind,source=/a,target=/b,bind-propagation=shared')).toThrow(
      '"bind-propagation"',
    )
  })

  test('security', () => {
    expect(options('--cap-drop', 'ALL', '--cap-add', 'CHOWN', '--cap-add=NET_RAW').capabilities).toEqual({
      ...{ drop: ['ALL'], add: ['CHOWN', 'NET_RAW'] },
    })
    const security = (text: string): ContainerOptions => options('--security-opt', text)
    expect(security('seccomp=unconfined').seccomp).toBe('unconfined')
    expect(security('seccomp:unconfined').seccomp).toBe('unconfined')
    expect(security('seccomp=profile.json').seccomp).toEqual({ defaultAction: 'SCMP_ACT_ALLOW' })
    expect(security('no-new-privileges').noNewPrivileges).toBe(true)
    expect(security('no-new-privileges=false').noNewPrivileges).toBe(false)
    expect(() => security('seccomp=bad.json')).toThrow('Cannot read the seccomp profile "bad.json"')
    expect(() => security('seccomp=gone.json')).toThrow('ENOENT')
    expect(() => security('apparmor=x')).toThrow('Cannot use --security-opt apparmor=x')
    expect(() => options('--privileged')).toThrow('nobody here could grant it')
  })

  test('limits and labels', () => {
    expect(options('--ulimit', 'nofile=10:20', '--ulimit', 'core=unlimited').rlimits).toEqual({
      nofile: { soft: 10n, hard: 20n },
      core: { soft: 'unlimited', hard: 'unlimited' },
    })
    expect(options('-l', 'a=b=c', '--label', 'empty', '--name', 'db')).toMatchObject({
      ...{ labels: { a: 'b=c', empty: '' }, name: 'db' },
    })
    expect(() => options('--stop-timeout', '-1')).toThrow('Give whole seconds')
    expect(() => options('--rm=false')).toThrow('Cannot keep a container')
    expect(() => options('-d')).toThrow('there is no daemon')
    expect(() => options('--memory', '1g')).toThrow('not supported yet')
  })
})
