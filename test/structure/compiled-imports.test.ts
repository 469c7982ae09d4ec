import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { filesBelow } from './files.ts'

const root = join(import.meta.dirname, '..', '..')

// tsc leaves import() as it is in a function that also has a `using`, which it writes anew (TypeScript 5.9, 6.0).
test('what is compiled imports nothing that is not: no import() beside a using', () => {
  const config = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config as {
    compilerOptions: object
  }
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  const wrong = filesBelow(root, ['src', 'plugins'], /\.ts$/).filter((path) => {
    const source = readFileSync(join(root, path), 'utf8')
    if (!/\bimport\(/.test(source) || !/\busing\b/.test(source)) return false
    const { outputText } = ts.transpileModule(source, { compilerOptions: options, fileName: path })
    return /\bimport\(['"][^'"]*\.ts['"]\)/.test(outputText)
  })
  expect(wrong, 'move the import() into a function of its own').toEqual([])
})
