// One layer: a tar by GNU tar, compressed, as a blob of an OCI layout.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ended } from './run.mjs'

const compressors = { gzip: ['gzip', '-6', '-n'], zstd: ['zstd', '-q', '-6', '-c'] }

/**
 * Writes `changed` of `root`, and whiteouts for `removed`, into the blobs of `layout`. Gives
 * `{ digest, size, diffId, compression }`. `temporary` is a name for what is in the making.
 */
export async function writeLayer({
  layout,
  root,
  changed,
  removed = [],
  compression = 'gzip',
  format = 'posix',
  temporary,
}) {
  const whiteouts = writeWhiteouts(`${temporary}.whiteouts`, removed)
  writeList(`${temporary}.changed`, changed)
  writeList(`${temporary}.removed`, whiteouts)
  // Without sparse files in the older format: Docker and podman refuse its type "S".
  const ofPosix = ['--xattrs', '--xattrs-include=security.capability', '--xattrs-include=user.*', '--sparse'].concat(
    '--pax-option=delete=atime,delete=ctime',
  )
  const tar = spawn(
    'tar',
    ['-c', '-f', '-', `--format=${format}`, '--numeric-owner', '--no-recursion', '--null']
      .concat(format === 'posix' ? ofPosix : [])
      .concat(['-C', root, '-T', `${temporary}.changed`])
      .concat(['-C', `${temporary}.whiteouts`, '-T', `${temporary}.removed`]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const facts = await compressed(tar, compression, `${temporary}.blob`)
  renameSync(`${temporary}.blob`, join(layout, 'blobs/sha256', facts.digest.slice('sha256:'.length)))
  for (const kind of ['whiteouts', 'changed', 'removed']) rmSync(`${temporary}.${kind}`, { recursive: true })
  return { ...facts, compression }
}

async function compressed(tar, compression, file) {
  const [command, ...args] = compressors[compression]
  const compressor = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const plain = meter()
  const packed = meter()
  const [tarCode, compressorCode] = await Promise.all([
    ended(tar),
    ended(compressor),
    pipeline(tar.stdout, plain.through, compressor.stdin),
    pipeline(compressor.stdout, packed.through, createWriteStream(file)),
  ])
  if (tarCode !== 0) throw new Error(`tar ended with ${tarCode}`)
  if (compressorCode !== 0) throw new Error(`${command} ended with ${compressorCode}`)
  return { diffId: plain.digest(), digest: packed.digest(), size: packed.size(), unpacked: plain.size() }
}

function meter() {
  const hash = createHash('sha256')
  let size = 0
  const through = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk)
      size += chunk.length
      done(null, chunk)
    },
  })
  return { through, digest: () => `sha256:${hash.digest('hex')}`, size: () => size }
}

/** Empty files ".wh.NAME" in a tree of their own; gives their paths. */
function writeWhiteouts(directory, removed) {
  mkdirSync(directory)
  return removed.map((path) => {
    const at = path.lastIndexOf('/') + 1
    const name = `${path.slice(0, at)}.wh.${path.slice(at)}`
    mkdirSync(join(directory, dirname(name)), { recursive: true })
    writeFileSync(join(directory, name), '')
    return name
  })
}

function writeList(file, paths) {
  writeFileSync(file, Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1'))
}
