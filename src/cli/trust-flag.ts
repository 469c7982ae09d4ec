import type { Flag } from './parse-flags.ts'

/** Docker's switch for a service that has ended; what scripts still say is taken. */
export const trustFlag: Flag = { name: 'disable-content-trust', help: 'Accepted: nothing is signed that way any more' }
