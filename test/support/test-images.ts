import { beforeEach } from 'vitest'

/** The registry of the images that test/images/debian builds. */
export interface TestImagesRegistry {
  /** `'127.0.0.1:40123'`, as a reference names it. Throws where there is none. */
  readonly host: string
  /** Why there is none; tests are skipped with it. */
  readonly missing: string | undefined
}

/**
 * The registry that `npm test` starts. Called at the top of a file or of a `describe`, it makes the tests there skip, with
 * the reason, where it is not running. Plain names (`postgres:15`) go to it by AIRPLANT_REGISTRY_MIRROR, which is set too.
 *
 * @example
 * const registry = testRegistry()
 * test('pulls', () => pullImage(`${registry.host}/library/postgres:15`))
 */
export function testRegistry(): TestImagesRegistry {
  const host = process.env['AIRPLANT_TEST_REGISTRY']
  const missing = host
    ? undefined
    : 'needs the test images: run "npm test", or "npm run test:images" and set the variables that it prints'
  beforeEach(({ skip }) => {
    if (missing) skip(missing)
  })
  return {
    missing,
    get host() {
      if (!host) throw new Error(`AIRPLANT_TEST_REGISTRY is not set: this test ${missing}`)
      return host
    },
  }
}
