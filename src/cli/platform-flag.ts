import type { Flag } from './parse-flags.ts'

/** `--platform` where an image is of one platform, once it is in the store. */
export const refusedPlatform: Flag = {
  name: 'platform',
  value: 'OS/ARCH',
  refused: { why: 'an image in the store is of one platform', instead: 'Name the image by its ID' },
}

/** `--platform` where an image for several may come from. */
export const platformFlag: Flag = {
  name: 'platform',
  value: 'OS/ARCH',
  help: "Which of an image for several, as linux/arm64. Default this machine's",
}
