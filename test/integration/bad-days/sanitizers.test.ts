import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Session, withContainer, type Container, type FixtureOptions } from '../../../src/index.ts'
import { FileWorker } from '../../../src/rootless/files/file-worker.ts'
import { clientFrames, frameFields } from '../../../src/rootless/protocol/frames.ts'
import {
  apply,
  directory as makeDirectory,
  entryOf,
  file,
  hardlink,
  layerOptions,
  mergeOptions,
  opaque,
  whiteout,
} from '../../support/apply.ts'
import { errorOf } from '../../support/containers.ts'
import { itemsOf } from '../../support/file-target.ts'
import { giveTo } from '../../support/give-to.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { tinyRoot } from '../../support/rootfs.ts'
import { useNetwork } from './busy-network.ts'
import { answersTo, frameOf, randomNumbers, sendAndLeave } from './hostile-client.ts'
import { packagePath } from './victim.ts'

const left = watchLeftovers()
const root = tinyRoot()
const directory = mkdtempSync(join(tmpdir(), 'airplant-sanitizers-'))
afterAll(async () => {
  root[Symbol.dispose]()
  rmSync(directory, { recursive: true, force: true })
  await left.assertNone()
})

const sources = packagePath('src/rootless/keeper')
const FUZZ_SECONDS = 10

/** Why a program cannot be compiled, undefined when it was. */
function compile(compiler: string, args: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync(compiler, args, { encoding: 'utf8' })
  if (error) return `${compiler} is missing`
  return status === 0 ? undefined : `${compiler} cannot: ${stderr.slice(0, 500)}`
}

const common = ['wire.c', 'error.c']
const fileUnits = readdirSync(sources).filter((name) => /^files.*\.c$/.test(name))

test.for<[name: string, sentence: string, units: string[]]>([
  ['fuzz-plan', 'the plan decoder withstands', [...common, 'plan.c', 'user.c']],
  [
    'fuzz-files',
    'the file worker stays in its directory for',
    [...common, ...fileUnits, 'path.c', 'remove.c', 'write-all.c'],
  ],
])(`%s: %s ${FUZZ_SECONDS} s of libFuzzer`, { timeout: 90_000 }, ([name, , needed], context) => {
  const program = join(directory, name)
  const corpus = join(directory, `${name}-corpus`)
  const units = [`fuzz/${name}.c`, ...needed].map((unit) => join(sources, unit))
  const problem = compile('clang', ['-g', '-O1', '-fsanitize=fuzzer,address,undefined', '-o', program, ...units])
  // Debian's clang recommends libclang-rt, and an installation without recommended packages lacks it.
  context.skip(
    problem !== undefined && /missing|libclang_rt/.test(problem),
    `${problem}: apt-get install clang libclang-rt-14-dev`,
  )
  expect(problem).toBeUndefined()
  mkdirSync(corpus)
  const args = [`-max_total_time=${FUZZ_SECONDS}`, '-max_len=4096', `-artifact_prefix=${directory}/`, corpus]
  const env = { ...process.env, TMPDIR: directory }
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28, env })
  expect(status, stderr.slice(-4000)).toBe(0)
  expect(
    Number(/stat::number_of_executed_units:\s*(\d+)|Done (\d+) runs/.exec(stderr)?.slice(1).find(Boolean)),
  ).toBeGreaterThan(1000)
})

/** The whole keeper with AddressSanitizer and UndefinedBehaviorSanitizer; its environment is empty, so it brings its options along. */
function sanitizedKeeper(log: string): { program: string; problem: string | undefined } {
  const program = join(directory, 'airplant-keeper')
  const options = join(directory, 'options.c')
  const units = readdirSync(sources).filter((name) => name.endsWith('.c'))
  const asan = `detect_leaks=0:abort_on_error=0:exitcode=99:log_path=${log}:handle_abort=1`
  writeFileSync(
    options,
    `const char *__asan_default_options(void); const char *__ubsan_default_options(void);
     const char *__asan_default_options(void) { return "${asan}"; }
     const char *__ubsan_default_options(void) { return "print_stacktrace=1:log_path=${log}"; }`,
  )
  const sanitize = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer']
  const args = [
    '-g',
    '-O1',
    '-std=gnu11',
    ...sanitize,
    '-o',
    program,
    options,
    ...units.map((name) => join(sources, name)),
  ]
  return { program, problem: compile('gcc', args) }
}

test('a keeper with AddressSanitizer finds nothing to say in a busy session', { timeout: 240_000 }, async (context) => {
  const reports = join(directory, 'reports')
  mkdirSync(reports, { mode: 0o777 })
  const { program, problem } = sanitizedKeeper(join(reports, 'asan'))
  context.skip(
    problem !== undefined && /missing|lasan|lubsan/.test(problem),
    `${problem}: apt-get install gcc libasan8 libubsan1`,
  )
  expect(problem).toBeUndefined()
  const session = await Session.start({ env: { ...process.env, AIRPLANT_KEEPER: program } })
  try {
    const containers = await Promise.all(Array.from({ length: 20 }, (_, index) => startOne(session, index)))
    await Promise.all(containers.map((container, index) => useOne(container, index)))
    await failInEveryWay(session)
    await guestsComeAndGo(session)
    await nonsense(session)
    await useFiles(session)
    await useNetwork(session, root.path, directory)
    await Promise.all(containers.slice(10).map((container) => container[Symbol.asyncDispose]()))
    expect(session.closed).toBe(false)
  } finally {
    await session[Symbol.asyncDispose]()
    const said = readdirSync(reports).map((name) => readFileSync(join(reports, name), 'utf8'))
    expect(said.join('\n')).toBe('')
  }
})

function startOne(session: Session, index: number): Promise<Container> {
  const image = { rootfs: root.path }
  const script =
    'while read line; do echo "$line"; echo error >&2; done; for i in $(seq 2000); do echo $i; done; exec sleep 1000'
  const kinds = [
    { image, command: ['httpd', '-f', '-p', '80'], ports: [80], wait: { port: 80 } },
    { image, command: ['sh', '-c', script], stdin: true, attach: true, logLimit: 8192 },
    { image, command: ['sh'], tty: true },
    { command: ['sleep', '1000'], init: true, user: '1' },
    { image, command: ['yes'], attach: true, logLimit: 4096 },
  ]
  return withContainer({ session, ...kinds[index % kinds.length] })
}

async function useOne(container: Container, index: number): Promise<void> {
  const following = container.logs({ follow: true })
  const first = index % 5 === 2 || index % 5 === 3 || index % 5 === 0 ? undefined : following.next()
  if (index % 5 === 1) container.stdin.end('one\ntwo\n')
  if (index % 5 === 2) await container.resize(50, 100)
  const input = 'x'.repeat(1 << 20)
  expect((await container.exec(['cat'], { stdin: input })).stdout.length).toBe(input.length)
  expect((await container.exec(['sh', '-c', 'tty; exit 3'], { tty: true })).exitCode).toBe(3)
  // A child that keeps the pipes of an exec that has ended.
  expect((await container.exec(['sh', '-c', '(while echo late; do sleep 0.01; done) & exit 4'])).exitCode).toBe(4)
  await errorOf(container.exec(['sleep', '1000'], { timeout: 50 }))
  await container.pause()
  await container.resume()
  await first
  await following.return?.()
  if (container.publishedPorts.length > 0) await fetch(container.url(80))
}

async function failInEveryWay(session: Session): Promise<void> {
  const image = { rootfs: root.path }
  const options: FixtureOptions[] = [
    { command: ['no-such-program'] },
    { image, command: ['no-such-program'], ports: [80] },
    { image, command: ['sh'], user: 'nobody-knows' },
    { image, command: ['sh'], workdir: '/not/there', tty: true },
    { image, command: ['sh'], binds: [{ source: '/not/there', target: '/there' }] },
    { image, command: ['sh'], ports: [{ container: 80, host: 1 }], storage: 'fuse-overlayfs' },
  ]
  await Promise.all(options.map((each) => errorOf(withContainer({ session, ...each }))))
  const abort = new AbortController()
  const aborted = Array.from({ length: 10 }, () =>
    withContainer({ session, image, command: ['sleep', '1000'], signal: abort.signal }).catch(() => undefined),
  )
  setTimeout(() => abort.abort(), 20)
  await Promise.all(aborted)
}

async function guestsComeAndGo(session: Session): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const guest = await Session.attach(session.directory)
    const options = { session: guest, image: { rootfs: root.path }, attach: round % 2 === 0 }
    const containers = [0, 1, 2].map(() => withContainer({ ...options, command: ['yes'], storage: 'fuse-overlayfs' }))
    const started = (await Promise.allSettled(containers)).flatMap((each) =>
      each.status === 'fulfilled' ? [each.value] : [],
    )
    const pending = started.flatMap((container) => [
      container.exec(['cat'], { tty: true }),
      container.logs({ follow: true }).next(),
    ])
    guest.client.close()
    await Promise.allSettled(pending)
  }
}

/** The file worker on a directory and in a running container: what it should do, and frames that make no sense. */
async function useFiles(session: Session): Promise<void> {
  const target = mkdtempSync(join(directory, 'target-'))
  giveTo(session, target)
  const running = (await session.client.list()).find(({ state }) => state === 'running')
  for (const place of [
    { kind: 'directory', path: target },
    { kind: 'process', handle: running?.handle ?? 0 },
  ] as const) {
    await using worker = await FileWorker.start(session, place)
    const channel = await worker.connect()
    const xattrs = new Map([['user.overlay.x', Buffer.from('y')]])
    const entries = [
      makeDirectory('tmp/d'),
      file('tmp/d/f', 'x'.repeat(300_000), { xattrs }),
      hardlink('tmp/h', 'tmp/d/f'),
    ]
    // No whiteout can be made in an overlay.
    for (const options of place.kind === 'directory' ? [layerOptions, mergeOptions] : [mergeOptions]) {
      await apply(
        channel,
        [...entries, whiteout('tmp/w'), whiteout('tmp/w/x'), file('tmp/w/y', ''), opaque('tmp')],
        options,
      )
      await errorOf(apply(channel, [file('../x', ''), ...entries], options))
      await errorOf(apply(channel, [entryOf('file', 'tmp/x', { size: 1 }), file('tmp/y', '')], options))
      await itemsOf(channel, 'tmp', { raw: options === layerOptions })
    }
    await channel.usage('tmp')
    await channel.remove('tmp/d')
  }
  await nonsenseFiles(session, target)
}

async function nonsenseFiles(session: Session, path: string): Promise<void> {
  const random = randomNumbers(8)
  for (let round = 0; round < 30; round++) {
    await using worker = await FileWorker.start(session, { kind: 'directory', path })
    const socket = connect(worker.socket)
    socket.on('error', () => undefined).resume()
    for (let count = 0; count < 30; count++) {
      const body = Buffer.from(Array.from({ length: random(200) }, () => random(256)))
      const size = round % 3 === 0 ? random(300) : body.length
      socket.write(Buffer.concat([Buffer.from([size % 256, size >> 8, 0, 0, 1 + random(10)]), body]))
    }
    socket.end()
    // Frames after one that is malformed find nobody: the error says no more than the end.
    await new Promise((resolve) => {
      socket.once('close', resolve)
    })
  }
}

async function nonsense(session: Session): Promise<void> {
  const random = randomNumbers(7)
  const types = Object.values(clientFrames).filter((type) => type !== clientFrames.shutdown)
  for (let round = 0; round < 200; round++) {
    const body = Buffer.from(Array.from({ length: random(64) }, () => random(256)))
    const frame = frameOf(types[random(types.length)] as number, body)
    await answersTo(session.directory, frame)
    await sendAndLeave(session.directory, frame.subarray(0, random(frame.length)))
  }
  // Everybody's handles, with every small number as the second field; not 9 to anyone that is needed later.
  for (let handle = 1; handle < 20; handle++) {
    const fields = frameFields().u(handle).u(0)
    await answersTo(session.directory, frameOf(clientFrames.readNet, fields.finish().subarray(12)))
  }
}
