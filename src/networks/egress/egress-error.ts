import { constants } from 'node:os'
import { AirplantError } from '../../errors.ts'
import type { ProcessExit } from '../../rootless/keeper-client.ts'
import { signalName } from '../../rootless/signals.ts'
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

/** About programs that do what was not wanted of them. */
export const programEnded = {
  message(program: string, network: string, exit: ProcessExit, words: string, isAgain: boolean): string {
    const { exitCode, signal } = exit
    const end = signal === null ? `exit code ${exitCode}` : (signalName(signal) ?? `signal ${signal}`)
    const said = signal === constants.signals.SIGKILL ? '' : lastWords(words)
    const what = `${program}, which connects network "${network}" to other machines, ended (${end})${said && `: ${said}`}`
    if (isAgain) return `${what}. It is started again; connections through it were cut`
    return `${what}, again and again. The network has no way out until the next container that wants one starts`
  },
  other({ name }: Network, running: string, wanted: string): AirplantError {
    return new AirplantError({
      code: 'ERR_EGRESS_UNAVAILABLE',
      phase: 'create',
      message: `Cannot use ${wanted} for network "${name}": ${running} serves it already`,
      hint: `Use another network for ${wanted}, or egress: true`,
    })
  },
}

/** Every start of slirp4netns warns that IPv6 and seccomp are experimental. */
function lastWords(words: string): string {
  const lines = words.trim().split('\n')
  return lines.findLast((line) => !line.startsWith('WARNING:')) ?? ''
}
