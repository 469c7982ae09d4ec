/** Writes a text to stdout; resolves when it has left, or when nobody reads it any more. */
export function printText(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.on('error', () => resolve())
    process.stdout.write(text, () => resolve())
  })
}
