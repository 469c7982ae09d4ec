/** An ID as docker's tables show it: twelve digits; whole with `--no-trunc`. */
export function shortId(id: string, options: { isWhole?: boolean } = {}): string {
  return options.isWhole ? id : id.replace(/^[a-z0-9]+:/, '').slice(0, 12)
}
