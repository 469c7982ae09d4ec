import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { resolveKeeper } from '../../src/rootless/keeper-binary.ts'

const toy = '#include <stdio.h>\n#include "word.h"\nint main(void)\n{\n\tputs(WORD);\n\treturn 0;\n}\n'

let root: string
let env: NodeJS.ProcessEnv
const places = (): { packageRoot: string; arch: string } => ({ packageRoot: root, arch: 'x64' })

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'airplant-keeper-'))
  env = { PATH: process.env.PATH, XDG_CACHE_HOME: join(root, 'cache') }
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
})

describe('resolveKeeper', () => {
  it('takes AIRPLANT_KEEPER before everything else', () => {
    const path = program('mine/keeper')
    program('dist/keeper/airplant-keeper')
    expect(resolveKeeper({ ...env, AIRPLANT_KEEPER: path }, places())).toBe(path)
  })

  it('refuses an AIRPLANT_KEEPER that is not executable, without looking further', () => {
    program('dist/keeper/airplant-keeper')
    expect(() => resolveKeeper({ ...env, AIRPLANT_KEEPER: join(root, 'none') }, places())).toThrow(
      expect.objectContaining({ code: 'ERR_KEEPER_MISSING', message: expect.stringMatching(/none.*unset it/s) }),
    )
  })

  it("takes the build's own before a prebuilt one, and does not hash or compile then", () => {
    const built = program('dist/keeper/airplant-keeper')
    prebuilt()
    sources()
    expect(resolveKeeper({ ...env, CC: '/nonexistent' }, places())).toBe(built)
    expect(existsSync(join(root, 'cache'))).toBe(false)
  })

  it('takes a prebuilt one of this processor before compiling', () => {
    const path = prebuilt()
    sources()
    expect(resolveKeeper(env, places())).toBe(path)
  })

  it('refuses a prebuilt one that is not the one in hashes.json', () => {
    writeFileSync(prebuilt(), '#!/bin/sh\necho changed\n')
    expect(() => resolveKeeper(env, places())).toThrow(
      expect.objectContaining({ code: 'ERR_KEEPER_MISSING', message: expect.stringContaining('sha256') }),
    )
  })

  it('copies a prebuilt one that cannot be executed where it is, once', () => {
    chmodSync(prebuilt(), 0o644)
    const copy = resolveKeeper(env, places()) as string
    expect(copy).toMatch(/\/cache\/airplant\/keeper-[0-9a-f]{16}\/airplant-keeper$/)
    expect(execFileSync(copy, { encoding: 'utf8' })).toBe('prebuilt\n')
    const { ino } = statSync(copy)
    expect(resolveKeeper(env, places())).toBe(copy)
    expect(statSync(copy).ino).toBe(ino)
  })

  it('else compiles the sources into the cache, and finds them there the next time', async () => {
    sources()
    const compiled = await resolveKeeper(env, places())
    expect(compiled.startsWith(join(root, 'cache', 'airplant', 'keeper-'))).toBe(true)
    expect(execFileSync(compiled, { encoding: 'utf8' })).toBe('first\n')
    expect(resolveKeeper({ ...env, CC: '/nonexistent' }, places())).toBe(compiled)
    expect(readdirSync(join(root, 'cache', 'airplant'))).toHaveLength(1)
  })

  it('compiles again when a header changed', async () => {
    sources()
    const first = await resolveKeeper(env, places())
    sources('second')
    const second = await resolveKeeper(env, places())
    expect(second).not.toBe(first)
    expect(execFileSync(second, { encoding: 'utf8' })).toBe('second\n')
  })

  it('compiles safely in several processes at once', async () => {
    sources()
    const all = await Promise.all([1, 2, 3].map(async () => resolveKeeper(env, places())))
    expect(new Set(all).size).toBe(1)
    expect(execFileSync(all[0]!, { encoding: 'utf8' })).toBe('first\n')
    expect(readdirSync(join(root, 'cache', 'airplant'))).toHaveLength(1)
  })

  it('does not execute a cached program that others could have written', async () => {
    sources()
    const compiled = await resolveKeeper(env, places())
    writeFileSync(compiled, '#!/bin/sh\necho planted\n')
    chmodSync(dirname(compiled), 0o777)
    expect(execFileSync(await resolveKeeper(env, places()), { encoding: 'utf8' })).toBe('first\n')
  })

  it('names the compiler to install when there is none', async () => {
    sources()
    await expect(resolveKeeper({ ...env, CC: 'no-such-cc' }, places())).rejects.toMatchObject({
      code: 'ERR_KEEPER_MISSING',
      message: expect.stringMatching(/"no-such-cc" not found[^]*apt-get install -y gcc[^]*AIRPLANT_KEEPER/),
    })
  })

  it("shows the compiler's words when it fails", async () => {
    sources('first', 'int main(void) { return nothing; }\n')
    await expect(resolveKeeper(env, places())).rejects.toMatchObject({
      code: 'ERR_KEEPER_MISSING',
      message: expect.stringContaining('nothing'),
    })
    expect(readdirSync(join(root, 'cache', 'airplant'))).toEqual([])
  })

  it('is an error with a fix when the package holds neither program nor sources', () => {
    expect(() => resolveKeeper(env, places())).toThrow(expect.objectContaining({ code: 'ERR_KEEPER_MISSING' }))
  })
})

describe('scripts/build-keeper.mjs', () => {
  const script = join(import.meta.dirname, '..', '..', 'scripts', 'build-keeper.mjs')
  const build = (extra: NodeJS.ProcessEnv = {}, ...flags: string[]): string =>
    execFileSync(process.execPath, ['--no-warnings', script, ...flags, join(root, 'src', 'rootless', 'keeper'), root], {
      env: { ...env, ...extra },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })

  it('builds, leaves an up-to-date program alone, and builds again after a change', () => {
    sources()
    build()
    const program = join(root, 'dist', 'keeper', 'airplant-keeper')
    expect(resolveKeeper(env, places())).toBe(program)
    const { ino } = statSync(program)
    build()
    expect(statSync(program).ino).toBe(ino)
    sources('second')
    build()
    expect(execFileSync(program, { encoding: 'utf8' })).toBe('second\n')
  })

  it('without a compiler warns and leaves no outdated program', () => {
    sources()
    build()
    sources('second')
    expect(() => build({ CC: 'no-such-cc' })).not.toThrow()
    expect(existsSync(join(root, 'dist', 'keeper', 'airplant-keeper'))).toBe(false)
  })

  it('fails on a warning of the compiler', () => {
    sources('first', 'int main(void) { int unused; return 0; }\n')
    expect(() => build()).toThrow(/unused/)
  })

  it.skipIf(!hasCompiler('musl-gcc'))('makes static prebuilt programs that the resolver accepts', () => {
    sources()
    build({}, '--release')
    const path = resolveKeeper(env, { packageRoot: root, arch: process.arch }) as string
    expect(path).toBe(join(root, 'prebuilt', `linux-${process.arch}`, 'airplant-keeper'))
    expect(execFileSync(path, { encoding: 'utf8' })).toBe('first\n')
    expect(execFileSync('readelf', ['-l', path], { encoding: 'utf8' })).not.toContain('INTERP')
  })
})

it('npm pack holds the C sources and the hashes', () => {
  const checkout = join(import.meta.dirname, '..', '..')
  for (const name of ['package.json', 'src/rootless/keeper', 'prebuilt'])
    cpSync(join(checkout, name), join(root, name), { recursive: true })
  const options = { cwd: root, encoding: 'utf8', stdio: 'pipe' } as const
  const [pack] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], options)) as {
    files: { path: string }[]
  }[]
  const paths = pack!.files.map(({ path }) => path)
  expect(paths).toContain('prebuilt/hashes.json')
  const sources = readdirSync(join(checkout, 'src/rootless/keeper')).filter((name) => /\.(c|h|def)$/.test(name))
  for (const name of sources) expect(paths).toContain(`src/rootless/keeper/${name}`)
})

function sources(word = 'first', code = toy): void {
  const directory = join(root, 'src', 'rootless', 'keeper')
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'main.c'), code)
  writeFileSync(join(directory, 'word.h'), `#define WORD "${word}"\n`)
}

function program(name: string, text = 'built'): string {
  const path = join(root, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\necho ${text}\n`, { mode: 0o755 })
  return path
}

function prebuilt(): string {
  const path = program('prebuilt/linux-x64/airplant-keeper', 'prebuilt')
  const digest = createHash('sha256').update(readFileSync(path)).digest('hex')
  writeFileSync(join(root, 'prebuilt', 'hashes.json'), JSON.stringify({ 'linux-x64/airplant-keeper': digest }))
  return path
}

function hasCompiler(name: string): boolean {
  return (process.env.PATH ?? '').split(':').some((directory) => existsSync(join(directory, name)))
}
