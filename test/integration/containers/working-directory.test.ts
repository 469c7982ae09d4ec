import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, outputOf, shell } from '../../support/containers.ts'
import { hashTree } from '../../support/rootfs.ts'

checkLeftovers()
const before = process.cwd()
const project = mkdtempSync(join(tmpdir(), 'airplant-project-'))

beforeAll(() => {
  mkdirSync(join(project, 'sub/deep'), { recursive: true })
  writeFileSync(join(project, 'file'), 'from the host')
  writeFileSync(join(project, 'sub/deep/other'), 'deep')
  process.chdir(project)
})
afterAll(() => {
  process.chdir(before)
  rmSync(project, { recursive: true })
})

test("on the host image it is the caller's, and can be read", async () => {
  expect(await outputOf('pwd; cat file sub/deep/other')).toBe(`${project}\nfrom the hostdeep`)
})

test('what a container writes, renames and deletes there is its own', async () => {
  const hash = hashTree(project)
  const script =
    'echo changed > file; mv sub/deep sub/moved; rm -r sub/moved/other; mkdir new; echo x > new/x; chmod 700 sub'
  await withContainer({ command: ['sleep', '60'] }, async (first) => {
    await shell(first, script)
    expect(await shell(first, 'cat file new/x; ls sub')).toBe('changed\nx\nmoved')
    expect(await outputOf('cat file; ls sub; test -e new || echo nothing new')).toBe('from the hostdeep\nnothing new')
  })
  expect(hashTree(project)).toBe(hash)
})

test('its neighbours and parents are not shown', async () => {
  const neighbour = mkdtempSync(join(tmpdir(), 'airplant-neighbour-'))
  expect(await outputOf(`ls -A ${tmpdir()}; test -e ${neighbour} || echo hidden`)).toBe(
    `${project.split('/').at(-1)}\nhidden`,
  )
  rmSync(neighbour, { recursive: true })
})

test('a bind shows the real one, and a change there is seen', async () => {
  await withContainer(
    { command: ['sleep', '60'], binds: [{ source: '.', target: '/mnt' }], workdir: '/mnt' },
    async (container) => {
      await shell(container, 'echo real > made-inside')
    },
  )
  expect(readFileSync(join(project, 'made-inside'), 'utf8')).toBe('real\n')
})

test('a home as the working directory is not shown, and the container starts in /', async () => {
  const home = mkdtempSync(join(tmpdir(), 'airplant-home-'))
  writeFileSync(join(home, 'secret'), 'secret')
  const script = `
    process.chdir(${JSON.stringify(home)})
    const { withContainer } = await import(${JSON.stringify(join(before, 'dist/src/index.js'))})
    await withContainer({ command: ['sh', '-c', 'pwd; ls -A ${home} 2>&- | cat'] }, async (c) => {
      await c.wait()
      process.stdout.write((await c.logs()).output)
    })`
  const env = { ...process.env, HOME: home }
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, timeout: 15_000 })
  expect(output.toString()).toBe('/\n')
  rmSync(home, { recursive: true })
})

test('a working directory that was deleted is said', async () => {
  const gone = mkdtempSync(join(tmpdir(), 'airplant-gone-'))
  process.chdir(gone)
  rmSync(gone, { recursive: true })
  try {
    await expect(withContainer({ command: ['true'], workdir: '/' })).rejects.toThrow()
  } finally {
    process.chdir(project)
  }
  expect(existsSync(gone)).toBe(false)
})
