import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Paths from the root, with `/`, of the files in these folders whose name matches. */
export function filesBelow(root: string, folders: readonly string[], name: RegExp): string[] {
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && name.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
    )
    .sort()
}

/** "file: N lines" for each source that is longer than that. */
export function longFiles(root: string, most: number): string[] {
  return filesBelow(root, ['src', 'plugins'], /\.([cm]?tsx?|[ch])$/).flatMap((file) => {
    const lines = linesOf(root, file).length - 1
    return lines > most ? [`${file}: ${lines} lines`] : []
  })
}

/**
 * "file:line: N lines" for each C function that is longer. Rough, and right for our format: a function's body opens and
 * closes with a brace in the first column, structures and tables open theirs at the end of a line.
 */
export function longFunctions(root: string, most: number): string[] {
  return filesBelow(root, ['src', 'plugins'], /\.[ch]$/).flatMap((file) => {
    const long: string[] = []
    let opened: number | undefined
    linesOf(root, file).forEach((line, index) => {
      if (line === '{') opened = index
      if (line !== '}' || opened === undefined) return
      const length = index - opened + 1
      if (length > most) long.push(`${file}:${opened}: ${length} lines`)
      opened = undefined
    })
    return long
  })
}

function linesOf(root: string, file: string): string[] {
  return readFileSync(join(root, file), 'utf8').split('\n')
}
