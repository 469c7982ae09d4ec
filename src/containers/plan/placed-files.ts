import type { Plan } from '../../rootless/protocol/plan.ts'
import type { FileSpec } from '../spec.ts'
import type { PlanContext } from './context.ts'
import { openSourceFile } from './sources.ts'

/** Sources that the keeper copies, opened before the root is entered. */
export function openPlacedFiles(plan: Plan, context: PlanContext): ReadonlyMap<FileSpec, number> {
  const slots = new Map<FileSpec, number>()
  for (const [index, file] of context.spec.files.entries()) {
    if (!('path' in file.from)) continue
    const slot = plan.slot()
    openSourceFile(plan, slot, file.from.path, `file ${index}`, context)
    slots.set(file, slot)
  }
  return slots
}

/** Writes the files inside the root, after everything is mounted. */
export function placeFiles(plan: Plan, files: readonly FileSpec[], slots: ReadonlyMap<FileSpec, number>): void {
  const made = new Set<string>()
  for (const file of files) {
    const { target, from, mode, uid, gid } = file
    const parent = target.slice(0, target.lastIndexOf('/')) || '/'
    if (!made.has(parent)) plan.mkdir(parent, 0o755, 0, 0)
    made.add(parent)
    const slot = slots.get(file)
    if ('content' in from) plan.writeFile(target, mode, uid, gid, from.content)
    else if (slot !== undefined) plan.copyIn(slot, target, mode, uid, gid)
  }
}
