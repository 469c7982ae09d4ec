import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..')

/** What a container from a cached image loads: all of them, and what they import at once. */
const entries = [
  'src/fixtures/with-container.ts',
  'src/containers/create-container.ts',
  'src/images/pull.ts',
  'src/images/store/image-store.ts',
]

/** Modules that are loaded together with a file; types and import() do not count. */
function loadedWith(path: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest)
  return source.statements.flatMap((node) => {
    const isImport = ts.isImportDeclaration(node) && node.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword
    const isExport = ts.isExportDeclaration(node) && !node.isTypeOnly
    const name = isImport || isExport ? node.moduleSpecifier : undefined
    return name && ts.isStringLiteral(name) ? [name.text] : []
  })
}

/** All that is loaded with files, and the libraries among it. */
function loadedWithAll(paths: readonly string[]): { readonly seen: ReadonlySet<string>; readonly libraries: string[] } {
  const seen = new Set<string>()
  const libraries: string[] = []
  const visit = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const name of loadedWith(path)) {
      if (name.startsWith('.')) visit(normalize(join(dirname(path), name)))
      else if (!name.startsWith('node:')) libraries.push(`${path}: ${name}`)
    }
  }
  paths.forEach(visit)
  return { seen, libraries }
}

test('starting a container from a cached image loads no library', () => {
  const { seen, libraries } = loadedWithAll(entries)
  expect(libraries).toEqual([])
  expect([...seen]).toContain('src/rootless/session.ts')
  expect([...seen].filter((path) => /src\/images\/(registry|layers|archives|tar)\//.test(path))).toEqual([])
})

test('a container without a network loads nothing of networks but what every namespace needs', () => {
  const { seen } = loadedWithAll([
    'src/containers/create-container.ts',
    'src/cli/run-command.ts',
    'src/cli/run-session.ts',
  ])
  expect([...seen]).toContain('src/networks/loopback.ts')
  const unneeded = /src\/networks\/(network|members|network-record|session-networks|names|egress|definitions)\b(?!-)/
  expect([...seen].filter((path) => unneeded.test(path))).toEqual([])
})

test('importing airplant loads neither containers nor images', () => {
  const { seen, libraries } = loadedWithAll(['src/index.ts'])
  expect(libraries).toEqual([])
  expect([...seen]).toContain('src/fixtures/pull-image.ts')
  expect([...seen].filter((path) => /src\/(containers|images|networks)\//.test(path))).toEqual([])
})
