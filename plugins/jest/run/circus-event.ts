/** A test of jest-circus: what is needed of it. */
export interface CircusTest {
  readonly name: string
  readonly parent?: CircusBlock | undefined
  readonly concurrent?: boolean
  fn: unknown
  /** Each an error, or an error and another one made where the test is. */
  errors: unknown[]
  status?: string | null
}

/** A `describe`, or the file. */
export interface CircusBlock {
  readonly name: string
  readonly parent?: CircusBlock | undefined
}

/** A hook of jest-circus. */
export interface CircusHook {
  readonly type: string
  /** Made where the hook is. */
  readonly asyncError: object
}

/** The events of jest-circus that matter here. */
export type CircusEvent =
  | { readonly name: 'run_start' }
  | { readonly name: 'hook_start' | 'hook_success'; readonly hook: CircusHook }
  | {
      readonly name: 'hook_failure'
      readonly hook: CircusHook
      readonly error: unknown
      readonly test?: CircusTest | undefined
    }
  | { readonly name: 'test_started' | 'test_done'; readonly test: CircusTest }
  | { readonly name: 'test_fn_failure'; readonly test: CircusTest; readonly error: unknown }

const ROOT = 'ROOT_DESCRIBE_BLOCK'

/** The names of a test and its blocks in one. */
export function fullName({ name, parent }: CircusTest): string {
  const names = [name]
  for (let block = parent; block && block.name !== ROOT; block = block.parent) names.unshift(block.name)
  return names.join(' ')
}

/** Whether a test or hook failed because jest did not wait longer for it. */
export function isTimeout(error: unknown): boolean {
  return typeof error === 'string' && error.startsWith('Exceeded timeout of ')
}
