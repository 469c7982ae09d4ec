import '../../../src/rootless/dispose-symbols.ts'
import { aroundAll, beforeEach, inject } from 'vitest'
import { startWorkerFile } from './worker-run.ts'

// Vitest runs this before each test file, also where one worker runs several.
const link = inject('airplant')
if (link) {
  const file = startWorkerFile(link)
  if (link.logLines > 0 || link.keepOnFailure !== false) {
    beforeEach(({ task, onTestFailed }) => {
      const began = Date.now()
      onTestFailed(async () => {
        const { tellLogs } = await import('./tell-logs.ts')
        await tellLogs(task, file, began)
      })
    })
  }
  // Around what removes the file's containers, so that those which are there after it are left behind.
  aroundAll(async (runSuite) => {
    try {
      await runSuite()
    } finally {
      await file.end()
    }
  })
}
