import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { ImageConfig, StorageDriver } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { ContainerRuntime } from '../../../src/containers/runtime.ts'
import { checkLeftovers, errorOf, isSingleId, outputOf, runToEnd } from '../../support/containers.ts'
import { localImage, tinyLayer } from '../../support/local-image.ts'
import { hashTree, tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const parent = mkdtempSync(join(tmpdir(), 'airplant-image-'))
afterAll(() => rmSync(parent, { recursive: true }))

const base = tinyRoot(parent)
base.write('/data/list', 'base')
base.write('/data/sub/gone', 'gone')
base.write('/opaque/old', 'old')
const middle = tinyLayer(parent).write('data/list', 'middle').whiteout('data/sub').write('added', 'added')
const top = tinyLayer(parent).opaque('opaque').write('opaque/new', 'new').write('data/sub/back', 'back')
const layers = [base.path, middle.path, top.path]
const image = (config: Partial<ImageConfig> = {}) => localImage(layers, config)

const hasFuse = ((): boolean => {
  try {
    execFileSync('sh', ['-c', 'command -v fuse-overlayfs && test -w /dev/fuse'])
    return true
  } catch {
    return false
  }
})()
const drivers: StorageDriver[] = ['overlay', 'fuse-overlayfs', 'copy']

describe.each(drivers)('several layers with %s', (storage) => {
  const options = { image: image(), storage }
  const skipped = storage === 'fuse-overlayfs' && !hasFuse

  test.skipIf(skipped)('are one tree, with whiteouts and opaque directories', async () => {
    const before = layers.map(hashTree)
    const script = 'cd /; cat data/list added opaque/*; ls opaque data/sub; rm -r data; mkdir data; ls data | wc -l'
    expect(await outputOf(script, options)).toBe('middleaddednewdata/sub:\nback\n\nopaque:\nnew\n0')
    expect(layers.map(hashTree)).toEqual(before)
  })

  test.skipIf(skipped)('give the root the mode of the topmost that says', async () => {
    const found = image()
    const modes = [0o700, 0o1711, undefined]
    const changed = { ...found, layers: found.layers.map((layer, at) => ({ ...layer, rootMode: modes[at] })) }
    expect(await outputOf('stat -c %a:%u /', { ...options, image: changed })).toBe('1711:0')
  })
})

test('whiteouts of directories, links and special files are merged when they are copied', async () => {
  const low = tinyLayer(parent).write('etc/a', 'a').write('was/dir/x', 'x').write('was/file', 'file')
  const high = tinyLayer(parent).whiteout('was/dir').write('was/file/now/a', 'directory').write('etc/a', 'b', 0o4755)
  linkSync(join(high.path, 'etc/a'), join(high.path, 'etc/hard'))
  symlinkSync('a', join(high.path, 'etc/soft'))
  execFileSync('mkfifo', [join(high.path, 'etc/pipe')])
  const script = `cd /; ls was; cat was/file/now/a etc/soft; stat -c '%a %h %F' etc/a etc/hard etc/pipe; readlink etc/soft`
  const output = async (storage: StorageDriver): Promise<string> =>
    await outputOf(script, { image: localImage([base.path, low.path, high.path]), storage })
  const expected = 'file\ndirectoryb4755 2 regular file\n4755 2 regular file\n644 1 fifo\na'
  expect(await output('copy')).toBe(expected)
  expect(await output('overlay')).toBe(expected)
})

test('500 layers are mounted by the kernel, 501 are copied or given to fuse', async () => {
  const many = Array.from({ length: 499 }, (_, at) => tinyLayer(parent).write(`layer/${at}`, `${at}`).path)
  const options = { image: localImage([base.path, ...many]), storage: 'overlay' } as const
  expect(await outputOf('ls /layer | wc -l; cat /layer/498; grep " / " /proc/mounts | cut -d" " -f1', options)).toBe(
    '499\n498overlay',
  )
  await using session = await Session.start()
  const runtime = ContainerRuntime.of(session, process.env)
  const root = { lowers: Array.from({ length: 501 }, () => base.path), mode: 0o755, image: undefined }
  expect(await runtime.driver(undefined, root)).toMatchObject({
    driver: hasFuse ? 'fuse-overlayfs' : 'copy',
    reason: expect.stringContaining('501') as string,
  })
  const error = await errorOf(runtime.driver('overlay', root))
  expect(error).toMatchObject({ code: 'ERR_STORAGE_DRIVER' })
})

test('layers without extended attributes are not given to the kernel', async () => {
  const marked = localImage(
    [base.path, tinyLayer(parent).write('data/.wh..wh..opq', '').write('data/x', 'x').path],
    {},
    {
      markedByFiles: true,
    },
  )
  const kind = await outputOf('ls /data; grep " / " /proc/mounts | cut -d" " -f1', { image: marked })
  expect(kind).toMatch(hasFuse ? /^x\nfuse/ : /^x\n/)
  const error = await errorOf(withContainer({ image: marked, storage: 'overlay', command: ['true'] }))
  expect(error).toMatchObject({ code: 'ERR_STORAGE_DRIVER' })
  expect(error.message).toContain('extended attributes')
})

describe('what the image says is done', () => {
  test('entrypoint, command, variables and labels', async () => {
    const config = {
      ...{ entrypoint: ['sh', '-c', 'echo "$0 $1 $A $B-$HOME"; echo $PATH'], cmd: ['zero', 'one'] },
      ...{ env: ['A=image', 'B', 'PATH=/bin'], labels: { a: 'b' } },
    }
    process.env['B'] = 'leak'
    expect((await runToEnd({ image: image(config) })).output).toBe('zero one image -/root\n/bin\n')
    delete process.env['B']
    await withContainer({ image: image(config), command: ['x'], env: { A: 'own' } }, async (container) => {
      await container.wait()
      expect((await container.logs()).output).toMatch(/^x {2}own /)
      expect(container).toMatchObject({ labels: { a: 'b' }, image: '0123456789ab' })
    })
  })

  test.skipIf(isSingleId)('user, by name, by number, with a group', async () => {
    const id = (user: string): Promise<string> => outputOf('id -u; id -g; id -G', { image: image({ user }) })
    expect(await id('app')).toBe('1000\n1001\n1001 50')
    expect(await id('app:video')).toBe('1000\n44\n44')
    expect(await id('7:8')).toBe('7\n8\n8')
    const error = await errorOf(id('nobody-here'))
    expect(error).toMatchObject({ code: 'ERR_UNKNOWN_USER' })
  })

  test('the working directory is made, in the container root and nowhere else (CVE-2026-55686)', async () => {
    const layer = tinyLayer(parent)
    symlinkSync('/deep/target', join(layer.path, 'link'))
    symlinkSync('../../../../../../../../../..' + parent, join(layer.path, 'out'))
    const config = { workdir: '/link/a', cmd: ['pwd'] }
    expect((await runToEnd({ image: localImage([base.path, layer.path], config) })).output).toBe('/deep/target/a\n')
    const out = { workdir: '/out/made', cmd: ['sh', '-c', 'pwd; ls -ld /link/..'] }
    expect((await runToEnd({ image: localImage([base.path, layer.path], out) })).output).toContain(`${parent}/made\n`)
    expect(execFileSync('ls', [parent]).toString()).not.toContain('made')
    expect(await outputOf('pwd', { image: image(), workdir: '/not/there', readOnly: true })).toBe('/not/there')
    const error = await errorOf(withContainer({ image: image({ workdir: '/added/x' }), command: ['true'] }))
    expect(error).toMatchObject({ code: 'ERR_WORKDIR_MISSING' })
  })

  test('a declared volume is a directory of the container own layer, writable also in a read-only root', async () => {
    const config = { volumes: ['/data', '/fresh/volume'] }
    const script =
      'cat /data/list; ls -A /fresh/volume | wc -l; echo x > /data/new && echo y > /fresh/volume/z && cat /data/new'
    expect(await outputOf(script, { image: image(config) })).toBe('middle0\nx')
    expect(await outputOf(script, { image: image(config), readOnly: true })).toBe('middle0\nx')
    expect(await outputOf('touch /added 2>&1', { image: image(config), readOnly: true })).toContain('Read-only')
    await using session = await Session.start()
    await withContainer({ session, image: image(config), command: ['sleep', '60'] }, async (container) => {
      await container.exec(['sh', '-c', 'echo kept > /fresh/volume/file'])
      const upper = join(session.directory, 'containers', container.id, 'root.upper', 'fresh/volume/file')
      expect(execFileSync('cat', [upper]).toString()).toBe('kept\n')
    })
  })

  test('exposed ports are published when asked for', async () => {
    const config = { exposedPorts: ['8080/tcp', '53/udp'], cmd: ['httpd', '-f', '-p', '8080'] }
    base.write('/index.html', 'hello')
    const options = { image: image({ ...config, workdir: '/' }), ports: 'exposed', wait: { port: 8080 } } as const
    await withContainer(options, async (container) => {
      expect(await (await fetch(container.url(8080))).text()).toBe('hello')
    })
    await withContainer({ ...options, ports: [] }, (container) => {
      expect(container.publishedPorts).toEqual([])
    })
  })

  test('the stop signal', async () => {
    const command = ['sh', '-c', 'trap "echo got it; exit 3" USR1; echo ready; while :; do sleep 0.05; done']
    const options = { image: image({ stopSignal: 'SIGUSR1', cmd: command }), wait: { log: 'ready' } }
    await withContainer(options, async (container) => {
      expect(await container.stop()).toMatchObject({ exitCode: 3 })
    })
  })
})

test('a layer that is gone is said', async () => {
  const gone = join(parent, 'gone')
  mkdirSync(gone)
  const broken = localImage([base.path, gone])
  rmSync(gone, { recursive: true })
  const error = await errorOf(withContainer({ image: broken, storage: 'overlay', command: ['true'] }))
  expect(error).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND', image: '0123456789ab', errno: 'ENOENT' })
  expect(error.message).toContain(gone)
})
