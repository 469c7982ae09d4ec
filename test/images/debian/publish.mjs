// Fills a registry's storage: skopeo pushes every name of the layout once, in the media types that it should have.
import { mkdirSync } from 'node:fs'
import { startRegistry } from '../../../scripts/setup/registry.mjs'
import { run } from './run.mjs'

/** `named` is a list of `{ name, descriptor, mediaTypes }`; `home` is a directory for skopeo's own files. */
export async function publish({ layout, storage, named, home, log }) {
  mkdirSync(storage, { recursive: true })
  mkdirSync(home, { recursive: true })
  const registry = await startRegistry({ storage, isWritable: true })
  try {
    for (const { name, mediaTypes } of named) {
      const format = mediaTypes === 'docker' ? ['--format', 'v2s2'] : ['--preserve-digests']
      const options = ['--insecure-policy', 'copy', '--all', ...format, '--dest-no-creds', '--dest-tls-verify=false']
      const env = { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: home }
      await run('skopeo', [...options, `oci:${layout}:${name}`, `docker://${registry.address}/${name}`], { log, env })
    }
  } finally {
    await registry.stop()
  }
}
