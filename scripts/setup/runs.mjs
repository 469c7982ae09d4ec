// Which tests have a run of their own, or run again: as real root, with the single-ID mapping, in the test world "outside".
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Beside the files named *.root.test.ts, which run as root only, as those named *.outside.test.ts run only there. */
const alsoAsRoot = [
  'test/integration/fixtures/waits.test.ts',
  'test/integration/fixtures/with-container.test.ts',
  'test/integration/images/pull.test.ts',
  'test/integration/images/push.test.ts',
  'test/integration/security/host-image.test.ts',
  'test/integration/security/keeper-socket.test.ts',
  'test/integration/session.test.ts',
]

/** With AIRPLANT_IDS=single. */
const alsoWithSingleId = [
  'test/integration/containers/attached.test.ts',
  'test/integration/containers/copy-in.test.ts',
  'test/integration/containers/copy-out.test.ts',
  'test/integration/containers/diff.test.ts',
  'test/integration/containers/exec.test.ts',
  'test/integration/containers/export.test.ts',
  'test/integration/containers/files.test.ts',
  'test/integration/containers/limits.test.ts',
  'test/integration/containers/mounts.test.ts',
  'test/integration/containers/network.test.ts',
  'test/integration/containers/privileges.test.ts',
  'test/integration/containers/process.test.ts',
  'test/integration/containers/terminal.test.ts',
  'test/integration/ids/single.test.ts',
  'test/integration/ids/unmapped-owner.test.ts',
  'test/integration/images/hostile-layers.test.ts',
  'test/integration/images/pull.test.ts',
  'test/integration/images/sources.test.ts',
  'test/integration/networks/host-access.test.ts',
  'test/integration/networks/members.test.ts',
  'test/integration/networks/names-owners.test.ts',
  'test/integration/security/confinement.test.ts',
  'test/integration/security/host-image.test.ts',
  'test/integration/security/joining.test.ts',
  'test/integration/security/users.test.ts',
  'test/integration/storage/drivers.test.ts',
]

/** Paths of the test files of these runs; throws when a listed file is not there. */
export function repeatedFiles(root) {
  for (const file of [...alsoAsRoot, ...alsoWithSingleId]) {
    if (!existsSync(join(root, file))) throw new Error(`scripts/setup/runs.mjs names "${file}", which is not there`)
  }
  const named = (end) =>
    readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(end))
      .map((name) => join('test', name))
  return {
    asRoot: [...named('.root.test.ts'), ...alsoAsRoot].sort(),
    withSingleId: [...alsoWithSingleId].sort(),
    outside: named('.outside.test.ts').sort(),
  }
}
