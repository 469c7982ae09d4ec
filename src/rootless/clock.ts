/**
 * The clock as it was when this module was loaded: `vi.useFakeTimers()` and its like replace the global functions, and what waits for
 * a kernel must go on waiting in real time.
 */
export const setTimer = globalThis.setTimeout
export const clearTimer = globalThis.clearTimeout

/** Milliseconds since this process began. */
export const now: () => number = performance.now.bind(performance)
