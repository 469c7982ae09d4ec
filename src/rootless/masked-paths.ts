const secretPaths = [
  '/proc/acpi',
  '/proc/asound',
  // How often which device interrupts tells about keystrokes and traffic of others (moby GHSA-6fw5-f8r9-fgfm).
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  // Power meters tell about the data that others compute with (moby GHSA-jq35-85cj-fj4p).
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
]

/** What a container sees but must not write: Docker's list. */
export const readOnlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
]

/**
 * What a container must not see: Docker's list. Paths that do not exist may be among them.
 *
 * @param cpus numbers of the possible processors, from {@link parseCpuList}
 */
export function maskedPaths(cpus: readonly number[]): string[] {
  return [...secretPaths, ...cpus.map((cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`)]
}

/**
 * Reads the kernel's list of processors, the text of `/sys/devices/system/cpu/possible`.
 *
 * @example
 * parseCpuList('0-2,8\n') // [0, 1, 2, 8]
 */
export function parseCpuList(text: string): number[] {
  return [...text.matchAll(/(\d+)(?:-(\d+))?/g)].flatMap(([, first, last = first]) => {
    const start = Number(first)
    return Array.from({ length: Number(last) - start + 1 }, (_, index) => start + index)
  })
}
