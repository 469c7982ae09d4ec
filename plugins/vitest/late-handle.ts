import { AirplantError } from '../../src/errors.ts'

/** A handle that is there before what it stands for: use it once hooks have run, or await it. */
export type LateHandle<T extends object> = T & PromiseLike<T>

/**
 * A proxy of something that is opened later.
 *
 * @param what for messages: `'service "db"'`
 * @param hint what to do when it is used too early
 * @param open called when it is awaited
 */
export function lateHandle<T extends object>(
  what: string,
  hint: string,
  current: () => T | undefined,
  open: () => Promise<T>,
): LateHandle<T> {
  const then: PromiseLike<T>['then'] = (resolve, reject) => open().then(resolve, reject)
  const needed = (name: string): T => {
    const target = current()
    if (target) return target
    throw new AirplantError({
      code: 'ERR_INVALID_OPTION',
      phase: 'create',
      message: `Cannot use "${name}" of ${what} yet: it is started before the file's tests`,
      hint,
    })
  }
  return new Proxy({} as LateHandle<T>, {
    get(_target, name) {
      if (name === 'then') return then
      // Printers and matchers look at symbols, whatever the object is.
      const target = typeof name === 'symbol' ? current() : needed(name)
      const value: unknown = target === undefined ? undefined : Reflect.get(target, name, target)
      // Its methods have private fields, which a proxy has not.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
    has: (_target, name) => name === 'then' || Reflect.has(current() ?? {}, name),
    getPrototypeOf: () => Reflect.getPrototypeOf(current() ?? {}),
  })
}
