/**
 * The name most like what somebody wrote, for "did you mean"; none when nothing is within a third of its length.
 *
 * @example
 * closestName('CAP_SYS_ADMN', ['CAP_SYS_ADMIN', 'CAP_CHOWN']) // 'CAP_SYS_ADMIN'
 */
export function closestName(written: string, names: Iterable<string>): string | undefined {
  let closest: string | undefined
  let fewest = Math.floor(written.length / 3) + 1
  for (const name of names) {
    const count = editDistance(written, name)
    if (count < fewest) [closest, fewest] = [name, count]
  }
  return closest
}

/** Levenshtein's distance, one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, character] of [...a].entries()) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replaced = row[j]! + (character === b[j] ? 0 : 1)
      next.push(Math.min(replaced, row[j + 1]! + 1, next[j]! + 1))
    }
    row = next
  }
  return row.at(-1)!
}
