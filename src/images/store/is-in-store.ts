import type { UnpackedLayer } from '../image.ts'

/** Whether a layer is the store's own: those of a snapshot or a plain directory are not its to keep or to delete. */
export function isInStore({ directory }: UnpackedLayer, home: string): boolean {
  return directory.startsWith(`${home}/`)
}
