/** Under which key the uses of a session have an image. */
export function imageUseKey(id: string): string {
  return `image ${id}`
}
