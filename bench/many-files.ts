import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { mkdirSync } from 'node:fs'
import { Session } from '../src/index.ts'
import { importImage } from '../src/images/archives/import-image.ts'
import type { PackItem } from '../src/images/layers/tar-bytes.ts'
import { packLayer } from '../src/images/layers/pack-layer.ts'
import { ImageStore } from '../src/images/store/image-store.ts'
import { runCommand } from './run-command.ts'
import type { Section } from './samples.ts'
import { row } from './samples.ts'
import { removeTree, withTemporaryStore } from './temporary-store.ts'

const FILES = 100_000
const ROUNDS = 3

/** A layer of very many small files, where not bytes but system calls count; GNU tar does the same as a yardstick. */
export async function measureManyFiles(): Promise<Section> {
  return await withTemporaryStore(async (directory) => {
    const archive = join(directory, 'many.tar.gz')
    await pipeline(packLayer(items()).stream, createWriteStream(archive))
    const [own, tar]: [number[], number[]] = [[], []]
    for (let round = 0; round < ROUNDS; round++) {
      process.env.AIRPLANT_HOME = join(directory, `store-${round}`)
      own.push(await timed(() => importOnce(archive)))
      const target = join(directory, `tar-${round}`)
      mkdirSync(target)
      tar.push(await timed(() => runCommand(['tar', '-xzf', archive, '-C', target])))
      for (const path of [target, process.env.AIRPLANT_HOME]) await removeTree(path)
    }
    const rows = [row(`airplant: keep, verify and unpack`, own), row('tar -xzf', tar)]
    return {
      title: `A layer of ${FILES} files of 120 bytes`,
      rows,
      relativeTo: 'tar -xzf',
      notes: [`airplant: ${Math.round(FILES / (rows[0]!.p50 / 1000))} files per second`],
    }
  })
}

async function importOnce(archive: string): Promise<void> {
  await using session = await Session.start()
  await importImage(ImageStore.of(session), session, archive)
}

async function* items(): AsyncGenerator<PackItem> {
  const content = Buffer.alloc(120, 'x')
  const common = { uid: 0, gid: 0, mtime: 1_700_000_000, mtimeNs: 0, link: '', device: 0, xattrs: new Map() }
  for (let index = 0; index < FILES; index++) {
    const folder = `d${Math.floor(index / 100)}`
    if (index % 100 === 0) {
      yield { entry: { ...common, kind: 'directory', path: folder, mode: 0o755, size: 0 }, data: once() }
    }
    const entry = { ...common, kind: 'file', path: `${folder}/f${index}`, mode: 0o644, size: content.length } as const
    yield { entry, data: once(content) }
  }
}

async function* once(...chunks: Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await run()
  return performance.now() - began
}
