import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import { afterAll, describe, expect, test } from 'vitest'
import { Session, withContainer } from '../../../src/index.ts'
import { clientFrames, frameFields } from '../../../src/rootless/protocol/frames.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'
import { errorOf, checkLeftovers } from '../../support/containers.ts'
import { processesOnHost } from '../../support/processes.ts'
import { tinyRoot } from '../../support/rootfs.ts'
import { COUNT, notBuilt, packagePath, startContainers, startVictim, remainsOf } from './victim.ts'

checkLeftovers()
const root = tinyRoot()
afterAll(() => root[Symbol.dispose]())
const image = { rootfs: root.path }
const sleeping = { image, command: ['sleep', '1000'] }

/** IDs of the containers that a keeper holds. */
async function idsIn(session: Session): Promise<string[]> {
  return (await session.client.list()).map(({ id }) => id).sort()
}

test('a client that attached and closes takes along only its own containers', async () => {
  await using owner = await Session.start()
  const mine = await withContainer({ ...sleeping, session: owner })
  const guest = await Session.attach(owner.directory)
  const other = await Session.attach(owner.directory)
  const theirs = [
    await withContainer({ ...sleeping, session: guest }),
    await withContainer({ ...sleeping, session: guest }),
  ]
  const kept = await withContainer({ ...sleeping, session: other })
  const following = kept.logs({ follow: true }).next()
  expect(await idsIn(owner)).toEqual([mine, kept, ...theirs].map(({ id }) => id).sort())

  const waiting = errorOf(theirs[0]?.wait() ?? Promise.resolve())
  guest.client.close()
  await expect.poll(() => idsIn(owner), { timeout: 1000, interval: 10 }).toEqual([mine.id, kept.id].sort())
  expect(await waiting).toMatchObject({ code: 'ERR_KEEPER_GONE' })
  expect((await mine.exec(['echo', 'alive'])).stdout).toBe('alive\n')
  expect((await kept.exec(['echo', 'alive'])).stdout).toBe('alive\n')
  await kept[Symbol.asyncDispose]()
  expect(await following).toEqual({ done: true, value: undefined })
})

test('the end of the lease takes all, also what other clients started', async () => {
  const owner = await Session.start()
  const guest = await Session.attach(owner.directory)
  const container = await withContainer({ ...sleeping, session: guest })
  const pending = errorOf(container.exec(['sleep', '1000']))
  owner.client.close()
  expect(await pending).toMatchObject({ code: 'ERR_KEEPER_GONE' })
  expect(guest.closed).toBe(true)
  await expect.poll(() => existsSync(owner.directory), { timeout: 1000, interval: 10 }).toBe(false)
  expect(await errorOf(Session.attach(owner.directory))).toMatchObject({ code: 'ERR_KEEPER_GONE' })
})

test('a removal that another client asked for is answered to that client, and to each that asked', async () => {
  await using owner = await Session.start()
  await using guest = await Session.attach(owner.directory)
  const plan = new Plan().hostExec(['/bin/sleep', '1000'], [])
  const process = await owner.client.spawn({ kind: 'helper', plan })
  const remove = (session: Session): Promise<unknown> =>
    session.client.request(clientFrames.remove, frameFields().u(process.handle)).then((answer) => answer.left)
  expect(await Promise.all([remove(guest), remove(guest), process.remove()])).toEqual([0, 0, undefined])
  expect(await process.exited).toEqual({ exitCode: null, signal: 9 })
})

describe.skipIf(notBuilt)('processes and threads', () => {
  test('a process that attached and is killed takes along only its own containers', async () => {
    await using owner = await Session.start()
    const mine = await withContainer({ ...sleeping, session: owner })
    using victim = await startVictim(root.path, 'setInterval(() => {}, 1000)', { AIRPLANT_SESSION: owner.directory })
    expect(victim.keeper).toBe(owner.keeperPid)
    expect(await idsIn(owner)).toHaveLength(COUNT + 1)
    victim.process.kill('SIGKILL')
    await expect.poll(() => idsIn(owner), { timeout: 1000, interval: 10 }).toEqual([mine.id])
    expect((await mine.exec(['echo', 'alive'])).stdout).toBe('alive\n')
  })

  test('containers that a worker thread started are gone when it was terminated', async () => {
    const script = `${startContainers(root.path)}
      const { parentPort } = await import('node:worker_threads')
      parentPort.postMessage(report)
      setInterval(() => {}, 1000)`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`))
    const [report] = (await once(worker, 'message')) as [string]
    const { keeper, directory } = JSON.parse(report) as { keeper: number; directory: string }
    expect(processesOnHost().some(({ pid }) => pid === keeper)).toBe(true)
    await worker.terminate()
    await expect
      .poll(() => processesOnHost().some(({ pid }) => pid === keeper), { timeout: 1000, interval: 10 })
      .toBe(false)
    await expect.poll(() => existsSync(directory), { timeout: 1000, interval: 10 }).toBe(false)
  })

  test('Ctrl-C in a terminal reaches only Node', async (context) => {
    context.skip(!existsSync('/usr/bin/script'), 'script is missing: apt-get install bsdutils')
    const ending = `
      process.on('SIGINT', async () => {
        const outputs = await Promise.all(containers.map((each) => each.exec(['echo', 'alive'])))
        console.log('alive ' + outputs.filter(({ stdout }) => stdout === 'alive\\n').length)
        process.exit()
      })
      console.log('ready')
      setInterval(() => {}, 1000)`
    using victim = await startVictim(root.path, 'setInterval(() => {}, 1000)')
    expect(sessionOf(victim.keeper)).not.toBe(sessionOf(victim.node))
    expect(sessionOf(victim.stand)).toBe(sessionOf(victim.keeper))
    victim.process.kill('SIGKILL')
    await expect.poll(() => remainsOf(victim), { timeout: 1000, interval: 10 }).toEqual([])
    expect(await inTerminal(`${startContainers(root.path)}\n${ending}`)).toContain(`alive ${COUNT}`)
  })
})

/** Field 6 of proc(5)'s stat. */
function sessionOf(pid: number): string | undefined {
  return readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')[3]
}

/** Runs a module in a terminal of its own, presses Ctrl-C when it says that it is ready, and gives its lines. */
async function inTerminal(module: string): Promise<string[]> {
  const path = `data:text/javascript,${encodeURIComponent(module)}`
  const code = `import(${JSON.stringify(path)})`
  const env = { ...process.env, CODE: code, SHELL: '/bin/sh' }
  const command = `exec ${process.execPath} -e "$CODE"`
  const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { env, cwd: packagePath('.') })
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('ready')) child.stdin.write('\x03')
    lines.push(line.replaceAll('^C', '').trim())
  }
  return lines
}
