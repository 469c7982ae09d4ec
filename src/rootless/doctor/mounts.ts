/** A line of /proc/PID/mountinfo (proc(5)), as far as the doctor looks. */
export interface Mount {
  readonly target: string
  readonly type: string
  readonly options: readonly string[]
}

/** Parses the text of /proc/self/mountinfo. */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ')
    const [, , , , target, options] = before.split(' ')
    const [type] = after.split(' ')
    return target && type ? [{ target: unescape(target), type, options: (options ?? '').split(',') }] : []
  })
}

/** The mount that a path lies on: the last one with the longest matching target. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  return mounts
    .filter(({ target }) => target === '/' || path === target || path.startsWith(`${target}/`))
    .reduce<Mount | undefined>(
      (best, each) => (best && best.target.length > each.target.length ? best : each),
      undefined,
    )
}

// Spaces, tabs, newlines and backslashes are written as three octal digits.
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)))
}
