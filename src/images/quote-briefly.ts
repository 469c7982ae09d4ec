/** Characters that are shown of a text that may be of any length. */
const longest = 200

/**
 * Foreign input as a message may show it: in quotes, control characters escaped so that no terminal obeys them, and cut short.
 *
 * @example
 * quoteBriefly('a\u001bb') // '"a\\u001bb"'
 */
export function quoteBriefly(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  const shown = text.length > longest ? `${text.slice(0, longest)}…` : text
  return typeof value === 'string' ? JSON.stringify(shown).replace(/[\u007f-\u009f\u2028-\u202e]/g, escaped) : shown
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
