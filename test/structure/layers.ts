import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { filesBelow } from './files.ts'
import { importsOf } from './imports.ts'

/**
 * What DESIGN.md draws, with what each layer may import beside itself and `errors`. What is not listed here may not be
 * imported: neither a layer above nor a sibling. A layer's place is the longest of these prefixes that fits a path.
 */
const mayImport: Record<string, readonly string[]> = {
  'src/index.ts': ['src/fixtures', 'src/containers', 'src/images', 'src/networks', 'src/rootless'],
  plugins: ['src/index.ts', 'src/fixtures', 'src/containers', 'src/images', 'src/networks', 'src/rootless'],
  'src/fixtures': ['src/containers', 'src/images', 'src/networks', 'src/rootless'],
  'src/cli': ['src/fixtures', 'src/containers', 'src/images', 'src/networks', 'src/rootless'],
  'src/api': ['src/containers', 'src/images', 'src/networks', 'src/rootless'],
  'src/containers': ['src/images', 'src/networks', 'src/rootless'],
  'src/images': ['src/rootless'],
  'src/networks': ['src/rootless'],
  'src/rootless': [],
  'src/errors': [],
}

const forAll = 'src/errors'

/** Each import below src and plugins that points upwards or sideways, as "file:line: layer -> layer (specifier)". */
export function wrongImports(root: string): string[] {
  return filesBelow(root, ['src', 'plugins'], /\.[cm]?tsx?$/).flatMap((file) => wrongIn(root, file))
}

function wrongIn(root: string, file: string): string[] {
  const from = layerOf(file)
  if (!from) return [`${file}:1: belongs to no layer; name its folder in test/structure/layers.ts`]
  return importsOf(file, readFileSync(join(root, file), 'utf8')).flatMap(({ specifier, line }) => {
    const target = resolved(file, specifier)
    if (target === undefined) return []
    const to = layerOf(target)
    if (to && isAllowed(from, to, file, target)) return []
    return [`${file}:${line}: ${from} -> ${to ?? target} (${specifier})`]
  })
}

/** The path from the root that a relative specifier, or this package's own name, stands for. */
function resolved(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return normalize(join(dirname(file), specifier))
  if (specifier === 'airplant') return 'src/index.ts'
  if (specifier.startsWith('airplant/')) return `plugins/${specifier.slice('airplant/'.length)}`
  return undefined
}

function layerOf(path: string): string | undefined {
  const withinErrors = /^src\/errors(\.|\/)/.test(path)
  if (withinErrors) return forAll
  return Object.keys(mayImport).find((layer) => path === layer || path.startsWith(`${layer}/`))
}

function isAllowed(from: string, to: string, file: string, target: string): boolean {
  if (from === 'plugins' && to === 'plugins') return pluginOf(file) === pluginOf(target)
  return from === to || to === forAll || (mayImport[from] ?? []).includes(to)
}

/** Plugins are siblings too: one for jest must not pull in vitest. */
function pluginOf(path: string): string | undefined {
  return path.split('/')[1]
}
