import { dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where this package's own code is; what calls it is the user's. */
const own = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))

/** File, line and column of the first caller outside of this package, relative to the working directory. */
export function callerOf({ stack = '' }: Error): string | undefined {
  for (const line of stack.split('\n')) {
    const found = /(?:\(|at )(?:async )?(?:file:\/\/)?(\/[^()]*):(\d+):(\d+)\)?$/.exec(line)
    const [, path, row, column] = found ?? []
    if (path === undefined || path.startsWith(`${own}/`) || path.includes('/node_modules/')) continue
    return `${relative(process.cwd(), path)}:${row}:${column}`
  }
  return undefined
}
