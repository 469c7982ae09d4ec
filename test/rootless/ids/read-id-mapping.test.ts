import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { mapText } from '../../../src/rootless/ids/id-mapping.ts'
import type { IdMapping } from '../../../src/rootless/ids/id-mapping.ts'
import { findOnPath, readIdMapping } from '../../../src/rootless/ids/read-id-mapping.ts'

it('chooses a mapping that this kernel accepts', async () => {
  const mapping = readIdMapping('auto', process.env)
  expect(await applied(mapping)).toEqual([mapText(mapping.uids), mapText(mapping.gids)])
})

it.skipIf(process.getuid?.() === 0)('as an ordinary user maps one ID without any program', async () => {
  const mapping = readIdMapping('auto', { PATH: '/nonexistent' })
  expect(mapping.method).toBe('single')
  expect(mapping.warning).toMatch(/newuidmap and newgidmap not found on PATH/)
  expect(await applied(mapping)).toEqual([mapText(mapping.uids), mapText(mapping.gids)])
})

it('takes less than a millisecond', () => {
  const times = Array.from({ length: 50 }, () => {
    const start = performance.now()
    readIdMapping('auto', process.env)
    return performance.now() - start
  }).sort((a, b) => a - b)
  expect(times[25]).toBeLessThan(1)
})

it.skipIf(process.getuid?.() === 0)('passes by directories of PATH that it may not enter', () => {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-path-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  chmodSync(directory, 0)
  expect(findOnPath('sh', `${directory}:/bin`)).toBe('/bin/sh')
})

it('finds only programs that may be executed, in absolute directories', () => {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-path-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'tool'), '')
  expect(findOnPath('tool', `.:${directory}`)).toBeUndefined()
  chmodSync(join(directory, 'tool'), 0o755)
  expect(findOnPath('tool', `/nonexistent:${directory}`)).toBe(join(directory, 'tool'))
})

/** Writes the mapping for a real user namespace and answers with what the kernel then shows. */
async function applied(mapping: IdMapping): Promise<string[]> {
  const child = spawn('unshare', ['--user', 'sh', '-c', 'echo ready; read _'], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const proc = `/proc/${child.pid}`
  if (mapping.programs) {
    for (const [program, extents] of [
      [mapping.programs.newuidmap, mapping.uids],
      [mapping.programs.newgidmap, mapping.gids],
    ] as const) {
      const result = spawnSync(program, [String(child.pid), ...mapText(extents).trim().split(/\s+/)], {
        encoding: 'utf8',
      })
      expect(result.stderr).toBe('')
    }
  } else {
    if (mapping.method === 'single') writeFileSync(`${proc}/setgroups`, 'deny')
    writeFileSync(`${proc}/gid_map`, mapText(mapping.gids))
    writeFileSync(`${proc}/uid_map`, mapText(mapping.uids))
  }
  return ['uid_map', 'gid_map'].map((name) =>
    readFileSync(`${proc}/${name}`, 'utf8').replace(/^ +/gm, '').replace(/ +/g, ' '),
  )
}
