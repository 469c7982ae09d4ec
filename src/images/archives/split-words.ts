/**
 * Splits at blanks as a Dockerfile does: quotes keep blanks, a backslash keeps what follows (in single quotes it stands for itself).
 *
 * @example
 * splitWords('a="b c" d\\ e') // ['a=b c', 'd e']
 */
export function splitWords(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    if (quote === '' && /\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
      continue
    }
    word ??= ''
    if (character === quote) quote = ''
    else if (quote === '' && (character === '"' || character === "'")) quote = character
    else if (character === '\\' && quote !== "'" && at + 1 < text.length) word += text[++at]!
    else word += character
  }
  return word === undefined ? words : [...words, word]
}
