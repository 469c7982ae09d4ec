import { readdirSync, readFileSync } from 'node:fs'

/** What the host's /proc says of a keeper. */
export interface KeeperStatus {
  /** Bytes of memory. */
  readonly resident: number
  /** Open descriptors; where those may not be counted, the size of their table, which the kernel doubles and never shrinks. */
  readonly descriptors: number
  /** Children that ended and were not reaped. */
  readonly zombies: number
  readonly children: number
}

/** @param pid of the keeper as this process sees it */
export function keeperStatus(pid: number): KeeperStatus {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1])
  const states = statesBelow(pid)
  return {
    resident: field('VmRSS') * 1024,
    descriptors: countDescriptors(pid) ?? field('FDSize'),
    zombies: states.filter((state) => state === 'Z').length,
    children: states.length,
  }
}

/** Only real root may look: the keeper is not dumpable. */
function countDescriptors(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return undefined
  }
}

function statesBelow(parent: number): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [state = '', owner] = readFileSync(`/proc/${name}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')
        return Number(owner) === parent ? [state] : []
      } catch {
        return []
      }
    })
}
