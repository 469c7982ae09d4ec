import { AirplantError } from '../../errors.ts'
import { StepError } from '../../rootless/step-error.ts'
import type { Network } from '../network.ts'

/** Says what is missing for a way out. */
export function explainEgress(error: unknown, { name }: Network): Error {
  if (!(error instanceof StepError)) return error as Error
  const init = { code: 'ERR_EGRESS_UNAVAILABLE', phase: 'create', cause: error } as const
  const what = `Cannot connect network "${name}" to other machines`
  if (error.what === 'tap') {
    const isDenied = error.errnoName === 'EACCES' || error.errnoName === 'EPERM'
    return new AirplantError({
      ...init,
      message: `${what}: /dev/net/tun cannot be used (${error.errnoName})`,
      hint: isDenied
        ? 'Let everybody open it, as distributions do: sudo chmod 0666 /dev/net/tun; or leave out egress'
        : 'Load it: sudo modprobe tun; in a container give it --device /dev/net/tun; or leave out egress',
    })
  }
  if (error.what !== 'netfilter') return error
  return new AirplantError({
    ...init,
    message: `${what}: the kernel has no nf_tables for it (${error.errnoName} ${error.detail})`,
    hint: 'Load it: sudo modprobe -a nf_tables nft_masq nft_ct nft_chain_nat; or leave out egress',
  })
}

/** Tells of a program that ended by itself. */
export function warnOfEnd(program: string, { name }: Network, end: string, isAgain: boolean): void {
  const what = `${program}, which connects network "${name}" to other machines, ended (${end})`
  const then = isAgain
    ? 'It is started again; connections through it were cut'
    : 'It did so again and again: the network has no way out any more'
  process.emitWarning(`${what}. ${then}`, { type: 'AirplantWarning', code: 'AIRPLANT_EGRESS' })
}

/** The program that was asked for cannot serve beside another one. */
export function otherProgram({ name }: Network, running: string, wanted: string): AirplantError {
  return new AirplantError({
    code: 'ERR_EGRESS_UNAVAILABLE',
    phase: 'create',
    message: `Cannot use ${wanted} for network "${name}": ${running} serves it already`,
    hint: `Use another network for ${wanted}, or egress: true`,
  })
}
