import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeByKeeper } from '../../src/rootless/host-files.ts'
import type { FileChannel, FileItem, ReadOptions } from '../../src/rootless/files/file-channel.ts'
import { FileWorker } from '../../src/rootless/files/file-worker.ts'
import { Plan } from '../../src/rootless/protocol/plan.ts'
import { Session } from '../../src/rootless/session.ts'
import { giveTo } from './give-to.ts'

/** A session and directories of it, for tests of file workers. */
export interface FileTargets extends AsyncDisposable {
  readonly session: Session
  /** A new empty directory of the mapped root's, and a Python script to fill it: run there, as that root. */
  directory(script?: string): Promise<string>
  /** Runs a Python script in a directory, as root of the keeper's namespace; gives what it prints. */
  python(directory: string, script: string): Promise<string>
  /** A channel to a worker for the directory, until the targets are disposed. */
  open(directory: string): Promise<FileChannel>
}

/** What {@link itemsOf} tells of an item. */
export interface ReadItem {
  readonly item: FileItem
  readonly content: Buffer
}

export async function fileTargets(): Promise<FileTargets> {
  const session = await Session.start()
  const base = mkdtempSync(join(tmpdir(), 'airplant-files-'))
  giveTo(session, base)
  const workers: FileWorker[] = []
  let count = 0
  const python = async (directory: string, script: string): Promise<string> => {
    const argv = [
      '/usr/bin/python3',
      '-c',
      `import os, socket, stat, sys, time\nos.chdir(sys.argv[1])\n${script}`,
      directory,
    ]
    const helper = await session.client.spawn({ kind: 'helper', attached: true, plan: new Plan().hostExec(argv, []) })
    const { exitCode, output } = await helper.collect()
    if (exitCode !== 0) throw new Error(`The script failed: ${output.toString()}`)
    return output.toString()
  }
  return {
    session,
    python,
    async directory(script) {
      const directory = join(base, `${count++}`)
      await session.client.spawn({ kind: 'helper', plan: new Plan().hostMkdir(directory, 0o755) })
      if (script !== undefined) await python(directory, script)
      return directory
    },
    async open(path) {
      const worker = await FileWorker.start(session, { kind: 'directory', path })
      workers.push(worker)
      return await worker.connect()
    },
    async [Symbol.asyncDispose]() {
      for (const worker of workers) await worker[Symbol.asyncDispose]()
      await removeByKeeper(session, base)
      await session[Symbol.asyncDispose]()
      rmSync(base, { recursive: true, force: true })
    },
  }
}

/** All that a read gives, with contents. */
export async function itemsOf(
  channel: FileChannel,
  path: string,
  options: ReadOptions = { raw: false },
): Promise<ReadItem[]> {
  const items: ReadItem[] = []
  for await (const item of channel.read(path, options)) {
    const chunks: Buffer[] = []
    for await (const chunk of item.data) chunks.push(chunk)
    items.push({ item, content: Buffer.concat(chunks) })
  }
  return items
}

/** One line per item: kind and path. */
export async function listOf(channel: FileChannel, path: string, options?: ReadOptions): Promise<string[]> {
  return (await itemsOf(channel, path, options)).map(({ item }) => `${item.entry.kind} ${item.entry.path}`.trimEnd())
}
