/** Characters that are shown of a text that may be of any length. */
const longest = 200

/** What JSON leaves as it is, and a terminal obeys: other control characters, and what turns the direction of writing. */
const unseen = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

/**
 * Foreign input as a message may show it: in quotes, control characters escaped so that no terminal obeys them, and cut short.
 *
 * @example
 * quoteBriefly('a\u001bb') // '"a\\u001bb"'
 */
export function quoteBriefly(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  const shown = text.length > longest ? `${text.slice(0, longest)}…` : text
  return (typeof value === 'string' ? JSON.stringify(shown) : shown).replace(unseen, escaped)
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
