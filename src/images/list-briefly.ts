/** Items of a list that a message shows, and characters of each. */
const MOST = 20
const LONGEST = 100

/**
 * Foreign names as a message may list them: as many and as much of each as a reader takes in.
 *
 * @example
 * listBriefly(['linux/amd64', 'linux/arm64']) // 'linux/amd64, linux/arm64'
 */
export function listBriefly(items: readonly string[]): string {
  const shown = items.slice(0, MOST).map((item) => (item.length > LONGEST ? `${item.slice(0, LONGEST)}…` : item))
  if (items.length > MOST) shown.push(`and ${items.length - MOST} more`)
  return shown.join(', ')
}
