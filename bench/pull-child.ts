import { readdirSync, readFileSync } from 'node:fs'
import { Session } from '../src/index.ts'
import { pullImage } from '../src/images/pull-image.ts'
import type { PullReport } from './pull.ts'

/** Looks often at what all processes below this one have resident; a worker ends before anybody could ask it for its peak. */
function watchMemory(): () => number {
  let peak = 0
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBelow(process.pid))
  }, 20)
  return () => {
    clearInterval(timer)
    return peak
  }
}

function residentBelow(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const own = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0)
    const tasks = readdirSync(`/proc/${pid}/task`)
    const children = tasks.flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' '),
    )
    return children.filter(Boolean).reduce((sum, child) => sum + residentBelow(Number(child)), own)
  } catch {
    return 0
  }
}

const stop = watchMemory()
const began = performance.now()
await using session = await Session.start()
await pullImage(process.argv[2] ?? 'postgres', { session, env: process.env })
const pull = performance.now() - began
process.stdout.write(JSON.stringify({ pull, peak: stop() } satisfies PullReport))
