import { constants } from 'node:os'
import { signalExitCode } from './exit-codes.ts'

/**
 * Makes this process end at once when it is told to, whatever it is doing: the store is whole at any time, and the keeper, which sees its
 * connection close, ends what runs and lets the locks go. What was downloaded so far is there for the next time.
 */
export function endOnSignals(): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => process.exit(signalExitCode(constants.signals[name])))
  }
}
