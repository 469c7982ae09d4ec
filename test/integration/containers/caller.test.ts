import { existsSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { checkLeftovers } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'
import { cannotRunScripts, runScript } from '../../support/scripts.ts'

checkLeftovers()
const root = tinyRoot()
afterAll(() => root[Symbol.dispose]())
const image = JSON.stringify({ rootfs: root.path })

test('a process that used a container and disposed of it ends by itself, soon', async ({ skip }) => {
  if (cannotRunScripts) skip(cannotRunScripts)
  const { code, stdout, stderr } = await runScript(`
    const container = await airplant.withContainer({ image: ${image}, command: ['sh', '-c', 'echo hello'] })
    await container.wait()
    process.stdout.write((await container.logs()).output)
    await container[Symbol.asyncDispose]()
    globalThis.began = performance.now()
    process.on('exit', () => console.log(performance.now() - began < 500 ? 'soon' : 'late'))`)
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'hello\nsoon\n', stderr: '' })
})

test('a process that forgets its containers ends all the same, and takes them along', async ({ skip }) => {
  if (cannotRunScripts) skip(cannotRunScripts)
  const { code, stdout } = await runScript(`
    const container = await airplant.withContainer({ image: ${image}, command: ['sleep', '600'], ports: [80], stdin: true })
    console.log(container.pid)`)
  expect(code).toBe(0)
  await expect.poll(() => existsSync(`/proc/${stdout.trim()}`), { timeout: 2000 }).toBe(false)
})

test('importing alone opens nothing', async ({ skip }) => {
  if (cannotRunScripts) skip(cannotRunScripts)
  const { stdout } = await runScript(`console.log(JSON.stringify(process.getActiveResourcesInfo()))`)
  expect(JSON.parse(stdout)).not.toContain('PipeWrap')
  expect(JSON.parse(stdout)).not.toContain('ProcessWrap')
})

test('descriptors that the parent leaked reach neither the container nor an exec', async ({ skip }) => {
  if (cannotRunScripts) skip(cannotRunScripts)
  const leak = [
    'perl',
    '-MPOSIX',
    '-e',
    `
    my @kept = map { open(my $f, '<', '/etc/passwd') or die; $f } 1 .. 100;
    pipe(my $r, my $w); push @kept, $r, $w;
    fcntl($_, F_SETFD, 0) for @kept;
    exec @ARGV`,
    '-x',
    '--',
  ]
  leak.splice(4, 1)
  const { stdout, stderr } = await runScript(
    `
    const { readdirSync } = await import('node:fs')
    console.log('parent', readdirSync('/proc/self/fd').length > 100)
    const list = ['sh', '-c', 'for f in /proc/self/fd/*; do echo \${f##*/}; done | sort -n | tr "\\\\n" " "']
    for (const init of [false, true]) {
      const options = { image: ${image}, init, command: ['sh', '-c', list[2] + '; exec sleep 60'] }
      await airplant.withContainer(options, async (container) => {
        const { stdout } = await container.exec(list)
        console.log('exec', stdout)
        for await (const entry of container.logs({ follow: true })) { console.log('main', String(entry.data)); break }
        if (init) console.log('init', (await container.exec(['sh', '-c', 'ls /proc/1/fd | sort -n | tr "\\\\n" " "'])).stdout)
      })
    }`,
    { prefix: leak },
  )
  expect(stderr).toBe('')
  expect(stdout).toContain('parent true')
  for (const line of stdout.split('\n').filter((text) => /^(exec|main|init)/.test(text))) {
    // 3 is the directory that the shell itself has open for the list.
    expect(line).toMatch(/^(exec|main|init) 0 1 2 (3 )?$/)
  }
})

test('user namespaces that are forbidden are an error with the way out', async ({ skip }) => {
  if (cannotRunScripts) skip(cannotRunScripts)
  const forbid = ['unshare', '-Ur', 'sh', '-c', 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', 'sh']
  const { stdout, stderr, code } = await runScript(
    `
    const began = performance.now()
    const error = await airplant.withContainer({ command: ['true'] }).catch((reason) => reason)
    console.log(JSON.stringify({ code: error.code, phase: error.phase, hint: error.hint, message: error.message, ms: performance.now() - began }))`,
    { prefix: forbid, env: { AIRPLANT_IDS: 'single' } },
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const error = JSON.parse(stdout) as { code: string; phase: string; hint: string; message: string; ms: number }
  expect(error).toMatchObject({ code: 'ERR_NO_USER_NAMESPACES', phase: 'session' })
  expect(error.hint).toContain('max_user_namespaces')
  expect(error.ms).toBeLessThan(5000)
})
