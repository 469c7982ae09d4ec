import { fileURLToPath } from 'node:url'

/**
 * What `preset: 'airplant/jest'` stands for. Each of the three is replaced as a whole by one of your own: compose them then, they are
 * exported by themselves.
 */
const preset = {
  globalSetup: pathOf('./global-setup.js'),
  globalTeardown: pathOf('./global-teardown.js'),
  testEnvironment: pathOf('./environment.js'),
}

export default preset

function pathOf(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url))
}
