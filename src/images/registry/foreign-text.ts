/**
 * Foreign text as part of a message: on one line, without what a terminal would obey, and cut short.
 *
 * @param longest characters that stay
 */
export function foreignText(text: string, longest = 300): string {
  // \p{C}: control, format (which turns the direction of writing), surrogates without a pair, private use.
  const shown = text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()
  return shown.length > longest ? `${shown.slice(0, longest)}…` : shown
}
