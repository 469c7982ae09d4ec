import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { processesOnHost, withDescendants, type ProcessOnHost } from '../../support/processes.ts'

const built = new URL('../../../dist/src/', import.meta.url)

/** Node itself runs only what was built; undefined when that is there. */
export const notBuilt = existsSync(new URL('index.js', built)) ? undefined : 'dist is missing: npm run build'

/** What a process that holds containers says of itself, and what belongs to its session on the host. */
export interface Holder {
  readonly node: number
  readonly keeper: number
  /** The process outside the keeper's namespaces, which Node started. */
  readonly stand: number
  readonly directory: string
  readonly ports: readonly number[]
  /** The stand-by process and all below it. */
  readonly family: readonly ProcessOnHost[]
}

/** A Node process of its own that holds {@link COUNT} containers. */
export interface Victim extends Holder, Disposable {
  readonly process: ChildProcess
  readonly ended: Promise<{ code: number | null; signal: string | null }>
  /** Lines that it writes after its report. */
  readonly lines: AsyncIterator<string>
}

export const COUNT = 20

/**
 * Module text that starts the containers: with published ports, init, terminals, both overlays, children that ignore signals, that
 * have sessions of their own, and that were forked twice. It leaves `containers` and `report`.
 */
export function startContainers(rootfs: string): string {
  return `
    import { withContainer } from ${JSON.stringify(new URL('index.js', built).href)}
    import { defaultSession } from ${JSON.stringify(new URL('rootless/default-session.js', built).href)}
    const image = { rootfs: ${JSON.stringify(rootfs)} }
    const deaf = 'trap "" TERM INT HUP QUIT; while :; do sleep 1; done'
    const family = 'setsid sleep 1000 & (setsid sh -c "sleep 1000 & sleep 1000" &) ; sleep 1000'
    const kinds = [
      { image, command: ['httpd', '-f', '-p', '80'], ports: [80] },
      { image, command: ['nc', '-ll', '-p', '80', '-e', 'cat'], ports: [80], init: true },
      { image, command: ['sh', '-c', deaf], init: true },
      { image, command: ['sh', '-c', family], tty: true },
      { image, command: ['sh', '-c', family], storage: 'fuse-overlayfs', ports: [80] },
      { command: ['sh', '-c', deaf], tty: true, init: true },
      { command: ['sh', '-c', family], attach: true, stdin: true },
    ]
    const containers = await Promise.all(
      Array.from({ length: ${COUNT} }, (_, index) => withContainer(kinds[index % kinds.length])),
    )
    await Promise.all(containers.map((container) => container.exec(['true'])))
    const session = await defaultSession()
    const report = JSON.stringify({
      node: process.pid,
      keeper: session.keeperPid,
      directory: session.directory,
      ports: containers.flatMap((container) => container.publishedPorts.map(({ host }) => host)),
    })`
}

/** Runs a script that starts the containers, reports, and goes on with `ending`. */
export async function startVictim(rootfs: string, ending: string, env: NodeJS.ProcessEnv = {}): Promise<Victim> {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-victim-'))
  const script = join(directory, 'victim.mjs')
  writeFileSync(script, `${startContainers(rootfs)}\nconsole.log(report)\n${ending}\n`)
  const child = spawn(process.execPath, [script], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const ended = once(child, 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string,
  }))
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const first = await lines.next()
  if (first.done) {
    rmSync(directory, { recursive: true, force: true })
    throw new Error(`The script ended: ${words}`)
  }
  return {
    ...holderOf(first.value),
    process: child,
    ended,
    lines,
    [Symbol.dispose]() {
      child.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Completes a report by what /proc shows. */
export function holderOf(report: string): Holder {
  const said = JSON.parse(report) as Omit<Holder, 'stand' | 'family'>
  const all = processesOnHost()
  const keeper = all.find(({ pid }) => pid === said.keeper)
  const stand = all.filter(({ pid }) => pid === keeper?.parent)
  const family = withDescendants(stand, all)
  if (family.length < COUNT) throw new Error(`Only ${family.length} processes below the keeper`)
  return { ...said, stand: stand[0]?.pid ?? 0, family }
}

/** Which of the holder's processes, listening ports, mounts and network namespaces are still there. */
export function remainsOf({ family, ports, directory }: Holder): string[] {
  const all = processesOnHost()
  const [self] = all.filter(({ pid }) => pid === process.pid)
  const alive = all.filter((each) => family.some(({ pid, command }) => pid === each.pid && command === each.command))
  const isForeign = (name: string): boolean => name.startsWith('net:') && !self?.namespaces.includes(name)
  const networks = new Set(family.flatMap(({ namespaces }) => namespaces.filter(isForeign)))
  return [
    ...alive.map(({ pid, command }) => `process ${pid} ${command}`),
    ...listeningPorts()
      .filter((port) => ports.includes(port))
      .map((port) => `port ${port}`),
    ...all.flatMap(({ pid, namespaces }) =>
      namespaces.filter((name) => networks.has(name)).map((name) => `${pid} ${name}`),
    ),
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(directory)),
  ]
}

function listeningPorts(): number[] {
  return ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`/proc/net/${name}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === '0A')
      .map(([, local = '']) => parseInt(local.slice(local.lastIndexOf(':') + 1), 16)),
  )
}

/** The path of a program of the package under test. */
export function packagePath(name: string): string {
  return fileURLToPath(new URL(`../../../${name}`, import.meta.url))
}
