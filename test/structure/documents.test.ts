import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { codeBlocks } from '../support/documents.ts'

const root = join(import.meta.dirname, '..', '..')
const documents = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...['docs', 'decisions'].flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name))),
].filter((name) => name.endsWith('.md'))

const texts = documents.map((name) => [name, readFileSync(join(root, name), 'utf8')] as const)

test.each(texts)('what %s leads to is there', (name, text) => {
  const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => join(dirname(name), path))
  const tests = [...text.matchAll(/\btest\/[\w./-]+\.test\.ts\b/g)].map(([path]) => path)
  expect([...links, ...tests].filter((path) => !existsSync(join(root, path)))).toEqual([])
})

test('the examples of documents have no error of types', () => {
  const examples = new Map<string, string>()
  for (const [name, text] of texts) {
    codeBlocks(text, 'ts').forEach((code, at) => {
      // Without an import it is a fragment.
      if (code.includes("from 'airplant")) examples.set(join(root, `${name}.${at}.ts`), code)
    })
  }
  expect(examples.size).toBeGreaterThan(5)
  expect(errorsOf(examples)).toEqual([])
  // A compiler run of many seconds, which waits for nothing, and shares two cores with the other files.
}, 180_000)

/** Compiles texts as if they were files of the checkout in which the package is installed. */
function errorsOf(files: ReadonlyMap<string, string>): string[] {
  const { options } = ts.parseJsonConfigFileContent(
    { ...ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config, include: [] },
    ts.sys,
    root,
  )
  const paths = {
    airplant: [join(root, 'src/index.ts')],
    'airplant/presets': [join(root, 'src/fixtures/presets/index.ts')],
    'airplant/config': [join(root, 'src/fixtures/run/define-config.ts')],
    'airplant/vitest/plugin': [join(root, 'plugins/vitest/plugin.ts')],
    'airplant/vitest': [join(root, 'plugins/vitest/index.ts')],
  }
  const all: ts.CompilerOptions = { ...options, noEmit: true, isolatedModules: false, paths }
  const host = ts.createCompilerHost(all)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.readFile = (path) => files.get(path) ?? readFile(path)
  host.getSourceFile = (path, version, ...rest) => {
    const text = files.get(path)
    return text === undefined ? getSourceFile(path, version, ...rest) : ts.createSourceFile(path, text, version)
  }
  const program = ts.createProgram([...files.keys()], all, host)
  return [...files.keys()].flatMap((path) => {
    const source = program.getSourceFile(path)!
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText, start = 0 }) => {
        const { line } = source.getLineAndCharacterOfPosition(start)
        return `${path.slice(root.length + 1)}:${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
      },
    )
  })
}
