import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { withContainer, type Container } from '../../../src/index.ts'
import { resolveKeeper } from '../../../src/rootless/keeper-binary.ts'
import { attack, ATTACK, compileAttacker, during } from '../../support/attacker.ts'
import { checkLeftovers, errorOf, isSingleId, runToEnd } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const attacker = compileAttacker()

async function hashOfKeeper(): Promise<string> {
  const program = await resolveKeeper(process.env)
  return createHash('sha256').update(readFileSync(program)).digest('hex')
}

async function execMany(container: Container, count: number, command = ['/bin/true']): Promise<void> {
  for (let i = 0; i < count; i += 4) await Promise.all([1, 2, 3, 4].map(() => container.exec(command)))
}

test('CVE-2019-5736: a script with /proc/self/exe as its interpreter does not get at the keeper', async () => {
  const before = await hashOfKeeper()
  using root = tinyRoot()
  root.write('/entry', '#!/proc/self/exe\n', 0o755)
  root.write('/probe', '#!/proc/self/exe --version\n', 0o755)
  const image = { rootfs: root.path }
  for (const command of [
    ['/entry'],
    ['/probe'],
    ['/proc/self/exe', '--version'],
    ['/proc/self/exe', '--probe', 'maps'],
  ]) {
    for (const init of [false, true]) {
      const outcome = await runToEnd({ image, command, init }).catch((error: unknown) => error)
      expect(outcome).toBeDefined()
    }
    await using container = await withContainer({ image, command: ['sleep', '60'] })
    await container.exec(command).catch(() => undefined)
  }
  expect(await hashOfKeeper()).toBe(before)
})

test('CVE-2019-5736: nothing writes through /proc/PID/exe of processes that join, or of init', async () => {
  const before = await hashOfKeeper()
  for (const init of [false, true]) {
    await using container = await withContainer({ command: ['sleep', '60'], files: attacker.files, init })
    const last = await during(container, ['overwrite'], () => execMany(container, 100))
    expect(last).toMatch(/^rounds [1-9]\d* written 0$/)
  }
  expect(await hashOfKeeper()).toBe(before)
  await using next = await withContainer({ command: ['true'] })
  expect(await next.wait()).toMatchObject({ exitCode: 0 })
})

test('CVE-2016-9962: memory, descriptors and traces of joining processes are not to be had', async () => {
  for (const options of [{}, { capabilities: { add: ['SYS_PTRACE'] }, seccomp: 'unconfined' as const }]) {
    await using container = await withContainer({ command: ['sleep', '60'], files: attacker.files, ...options })
    const last = await during(container, ['spy'], () => execMany(container, 300))
    expect(last).toMatch(/^rounds [1-9]\d* found 0$/)
  }
})

test('CVE-2016-9962: nor to another user', async (context) => {
  if (isSingleId) context.skip('a single ID is mapped: there is no other user')
  await using container = await withContainer({ command: ['sleep', '60'], files: attacker.files, user: '1000' })
  const last = await during(container, ['spy'], async () => {
    for (let i = 0; i < 60; i++) await container.exec(['/bin/true'], { user: i % 2 ? '0' : '1000' })
  })
  expect(last).toMatch(/^rounds [1-9]\d* found 0$/)
})

test('CVE-2024-21626: no working directory is a descriptor of the runtime', async () => {
  await using container = await withContainer({ command: ['sleep', '60'] })
  for (const way of ['/proc/self/fd', '/proc/thread-self/fd', '/dev/fd']) {
    for (const fd of [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 32, 64]) {
      const workdir = `${way}/${fd}`
      expect((await errorOf(withContainer({ command: ['ls'], workdir }))).code).toBe('ERR_WORKDIR_MISSING')
      expect((await errorOf(container.exec(['ls'], { workdir }))).code).toBe('ERR_WORKDIR_MISSING')
      expect((await errorOf(container.exec(['ls'], { workdir: `${workdir}/../../..` }))).code).toBe(
        'ERR_WORKDIR_MISSING',
      )
    }
  }
})

test('CVE-2024-21626: links of the root that lead to descriptors are no way out either', async () => {
  using root = tinyRoot()
  execFileSync(
    'sh',
    ['-c', 'ln -s /proc/self/fd fds; for n in 3 4 5 6 7 8 9 10 11 12; do ln -s /proc/self/fd/$n d$n; done'],
    { cwd: root.path },
  )
  const image = { rootfs: root.path }
  await using container = await withContainer({ image, command: ['sleep', '60'] })
  for (const workdir of [...[3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((n) => `/d${n}`), '/fds/7', '/fds/9/../..']) {
    expect((await errorOf(withContainer({ image, command: ['pwd'], workdir }))).code).toBe('ERR_WORKDIR_MISSING')
    expect((await errorOf(container.exec(['pwd'], { workdir }))).code).toBe('ERR_WORKDIR_MISSING')
  }
})

test('CVE-2026-55686: a working directory behind a link stays inside the root', async () => {
  using root = tinyRoot()
  execFileSync('sh', ['-c', 'ln -s / up; ln -s ../../../../../../tmp out'], { cwd: root.path })
  const image = { rootfs: root.path }
  await using container = await withContainer({ image, command: ['sleep', '60'], workdir: '/up/../../../home' })
  expect((await container.exec(['pwd'])).stdout).toBe('/home\n')
  expect((await container.exec(['sh', '-c', 'pwd -P; ls'], { workdir: '/out' })).stdout).toBe('/tmp\n')
  expect((await errorOf(container.exec(['pwd'], { workdir: '/up/../work/main' }))).code).toBe('ERR_WORKDIR_MISSING')
})

test('a process in a container and one that joins have the descriptors 0, 1 and 2, with a terminal too', async () => {
  const command = [ATTACK, 'descriptors']
  for (const options of [{}, { init: true }, { tty: true }, { stdin: true, attach: true }]) {
    const outcome = await runToEnd({ command, files: attacker.files, ...options })
    expect(outcome.output.trim()).toBe('0 1 2')
  }
  await using container = await withContainer({ command: ['sleep', '60'], files: attacker.files })
  expect(await attack(container, ['descriptors'])).toEqual(['0 1 2'])
  expect((await container.exec(command, { tty: true })).output.trim()).toBe('0 1 2')
  expect((await container.exec(command, { stdin: 'x' })).output.trim()).toBe('0 1 2')
})

test('a caller with 100 leaked descriptors leaks none into a container (siblings of CVE-2024-21626)', async () => {
  // From a shell, so that they are not close-on-exec; Node itself opens all its own so.
  const url = new URL('../../../dist/src/index.js', import.meta.url)
  const program = `const { withContainer } = await import(${JSON.stringify(url.href)});
    await using c = await withContainer({ command: ['sleep', '60'], files: [{ target: '${ATTACK}', source: '${attacker.program}', mode: 0o755 }] });
    const run = await withContainer({ command: ['${ATTACK}', 'descriptors'], files: [{ target: '${ATTACK}', source: '${attacker.program}', mode: 0o755 }] });
    await run.wait();
    const fs = await import('node:fs');
    console.log(fs.readdirSync('/proc/self/fd').length > 100, (await run.logs()).stdout.trim(), '|', (await c.exec(['${ATTACK}', 'descriptors'])).stdout.trim());`
    .replace('await using c =', 'const c =')
    .concat('\nprocess.exit()')
  const script =
    'i=20; while [ $i -lt 120 ]; do eval "exec $i</etc/passwd"; i=$((i + 1)); done; exec "$0" --input-type=module -e "$1"'
  const child = spawn('bash', ['-c', script, process.execPath, program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(child, 'close')
  expect(Buffer.concat(chunks).toString().trim()).toBe('true 0 1 2 | 0 1 2')
})
