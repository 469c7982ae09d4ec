/** Layers on their way at once: more would only wait for the same two or four processors. */
export const LAYERS_AT_ONCE = 3

/**
 * Runs a task for each item, so many at a time, and gives the results in order. After the first failure nothing new is begun; what runs is
 * told by its signal to end, and waited for: nobody is left working behind the caller's back.
 *
 * @param outer signal that ends all of them
 */
export async function eachAtOnce<Item, Result>(
  items: readonly Item[],
  most: number,
  task: (item: Item, index: number, signal: AbortSignal) => Promise<Result>,
  outer?: AbortSignal,
): Promise<Result[]> {
  const results: Result[] = []
  const failures: unknown[] = []
  const stop = new AbortController()
  const signal = outer ? AbortSignal.any([outer, stop.signal]) : stop.signal
  let next = 0
  const work = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const index = next++
      try {
        results[index] = await task(items[index]!, index, signal)
      } catch (error) {
        failures.push(error)
        stop.abort(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, work))
  if (failures.length > 0) throw failures[0]
  return results
}
