import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { longFiles, longFunctions } from './files.ts'
import { wrongImports } from './layers.ts'

const root = join(import.meta.dirname, '..', '..')
const trees: string[] = []

afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true })
})

function tree(files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-structure-'))
  trees.push(directory)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), content)
  }
  return directory
}

test('every import points downwards between the layers', () => {
  expect(wrongImports(root)).toEqual([])
})

test('no file of src and plugins is longer than 400 lines', () => {
  expect(longFiles(root, 400)).toEqual([])
})

test('no C function is longer than 60 lines', () => {
  expect(longFunctions(root, 60)).toEqual([])
})

test('an import that points upwards is reported with file, line and arrow, however it is written', () => {
  const bad = tree({
    'src/rootless/a.ts': "import { x } from 'node:fs'\n\nimport type { C } from '../containers/c.ts'\n",
    'src/images/b.ts': "export * from '../fixtures/f.ts'\n",
    'src/networks/n.ts': "export const late = () => import('../containers/c.ts')\n",
    'src/containers/c.ts': "export type C = import('../cli/main.ts').Main\n",
    'plugins/jest/p.cts': "const { x } = require('../vitest/index.ts')\n",
    'src/errors.ts': "import { x } from './rootless/a.ts'\n",
  })
  expect(wrongImports(bad)).toEqual([
    'plugins/jest/p.cts:1: plugins -> plugins (../vitest/index.ts)',
    'src/containers/c.ts:1: src/containers -> src/cli (../cli/main.ts)',
    'src/errors.ts:1: src/errors -> src/rootless (./rootless/a.ts)',
    'src/images/b.ts:1: src/images -> src/fixtures (../fixtures/f.ts)',
    'src/networks/n.ts:1: src/networks -> src/containers (../containers/c.ts)',
    'src/rootless/a.ts:3: src/rootless -> src/containers (../containers/c.ts)',
  ])
})

test('siblings may not import each other, nor anything import what lies outside the layers', () => {
  const bad = tree({
    'src/containers/a.ts': "import '../fixtures/f.ts'\n",
    'src/fixtures/f.ts': "import '../cli/a.ts'\nimport '../../test/support/t.ts'\n",
    'src/images/i.ts': "import '../networks/n.ts'\n",
    'src/networks/n.ts': "import 'airplant'\n",
    'src/stray.ts': '',
  })
  expect(wrongImports(bad)).toEqual([
    'src/containers/a.ts:1: src/containers -> src/fixtures (../fixtures/f.ts)',
    'src/fixtures/f.ts:1: src/fixtures -> src/cli (../cli/a.ts)',
    'src/fixtures/f.ts:2: src/fixtures -> test/support/t.ts (../../test/support/t.ts)',
    'src/images/i.ts:1: src/images -> src/networks (../networks/n.ts)',
    'src/networks/n.ts:1: src/networks -> src/index.ts (airplant)',
    'src/stray.ts:1: belongs to no layer; name its folder in test/structure/layers.ts',
  ])
})

test('imports that point downwards, and of errors from everywhere, are allowed', () => {
  const good = tree({
    'src/index.ts': "export * from './fixtures/f.ts'\nexport * from './errors.ts'\n",
    'plugins/vitest/index.ts': "import '../../src/index.ts'\nimport './scope.ts'\n",
    'src/fixtures/f.ts': "import '../containers/c.ts'\nimport 'undici'\n",
    'src/cli/main.ts':
      "import '../fixtures/f.ts'\nimport '../containers/c.ts'\nimport '../rootless/a.ts'\nimport '../errors.ts'\n",
    'src/containers/c.ts': "import '../images/i.ts'\nimport '../networks/n.ts'\n",
    'src/rootless/a.ts': "import '../errors.ts'\nimport './b.ts'\n// import '../cli/main.ts'\n",
    'src/errors.ts': "const text = `import '../cli/main.ts'`\n",
  })
  expect(wrongImports(good)).toEqual([])
})

test('long files and long C functions are reported', () => {
  const long = tree({
    'src/rootless/long.ts': 'x\n'.repeat(401),
    'src/rootless/keeper/long.c': `int short_one(void)\n{\n}\n\nint long_one(void)\n{\n${'\tx();\n'.repeat(59)}}\n`,
  })
  expect(longFiles(long, 400)).toEqual(['src/rootless/long.ts: 401 lines'])
  expect(longFunctions(long, 60)).toEqual(['src/rootless/keeper/long.c:5: 61 lines'])
})
