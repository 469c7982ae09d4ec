// A vitest reporter: each test's name, and under it the sentences that the test annotates.

export class PlainReporter {
  passed = 0

  onTestCaseReady(test) {
    console.log(`\n${test.name}`)
  }

  onTestCaseAnnotate(test, { message }) {
    console.log(`  ${message}`)
  }

  onTestCaseResult(test) {
    const { state, errors = [] } = test.result()
    if (state === 'passed') this.passed++
    if (state === 'failed') for (const error of errors) this.#tellError(error)
  }

  onTestRunEnd(modules, unhandledErrors) {
    for (const module of modules) for (const error of module.errors()) this.#tellError(error)
    for (const error of unhandledErrors) this.#tellError(error)
  }

  #tellError({ message, hint, stack }) {
    console.log(`  FAILED: ${message}`)
    if (hint) console.log(`  ${hint}`)
    else console.log(`  ${stack ?? ''}`)
  }
}
