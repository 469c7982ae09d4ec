import type { LayeredRoot } from '../spec.ts'

// OVL_MAX_STACK of the kernel's fs/overlayfs/params.h.
const MOST_LAYERS = 500

/** Why the kernel's overlay cannot take these layers; undefined when it can. */
export function unfitForOverlay({ lowers, image }: LayeredRoot): string | undefined {
  if (lowers.length > MOST_LAYERS) return `it takes ${MOST_LAYERS} layers, and the image has ${lowers.length}`
  return image?.layers.some(({ markedByFiles }) => markedByFiles)
    ? 'the store is on a file system without user extended attributes'
    : undefined
}
