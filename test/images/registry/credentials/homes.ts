import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A home directory of the test's own, with an environment in which nothing of the machine's is seen but the system's programs. */
export interface Home {
  readonly directory: string
  readonly env: NodeJS.ProcessEnv
  /** Writes a file below it; an object becomes JSON. @returns its path */
  write(path: string, content: unknown): string
  /** Puts `docker-credential-<name>`, a shell script, into PATH. */
  helper(name: string, script: string): void
}

export function makeHome(): Home {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-home-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  const write = (path: string, content: unknown): string => {
    const file = join(directory, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
    return file
  }
  return {
    directory,
    env: { HOME: directory, PATH: `${bin}:/usr/bin:/bin`, XDG_RUNTIME_DIR: join(directory, 'run') },
    write,
    helper(name, script) {
      const file = join(bin, `docker-credential-${name}`)
      writeFileSync(file, `#!/bin/sh\n${script}\n`)
      chmodSync(file, 0o755)
    },
  }
}

/** `auth` as it is in such files. */
export function base64(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString('base64')
}
