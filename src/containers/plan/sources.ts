import * as kernel from '../../rootless/kernel-constants.ts'
import type { Plan } from '../../rootless/protocol/plan.ts'
import type { PlanContext } from './context.ts'

/** What a source of the host is for; the broker opens one for each use, because a mount can be attached in one place only. */
export type SourceUse = 'cwd' | 'node' | `bind ${number}` | `file ${number}`

/** Clones the mount tree at a path of the host into a slot, with attributes for all of it. */
export function openSource(
  plan: Plan,
  slot: number,
  source: { readonly path: string; readonly use: SourceUse; readonly attributes: number },
  { tokens }: PlanContext,
): void {
  const token = tokens.get(source.use)
  if (token === undefined) plan.openTree(slot, source.path, kernel.TREE_CLONE | kernel.TREE_RECURSIVE)
  else plan.takeFd(slot, token)
  plan.setAttributes(slot, source.attributes, 0, true)
}

/** Opens a regular file of the host. */
export function openSourceFile(plan: Plan, slot: number, path: string, use: SourceUse, { tokens }: PlanContext): void {
  const token = tokens.get(use)
  if (token === undefined) plan.openFile(slot, path)
  else plan.takeFd(slot, token)
}
