import { spawn } from 'node:child_process'
import { AirplantError } from '../../../errors.ts'
import { clearTimer, setTimer } from '../../../rootless/clock.ts'
import { authError } from './auth-error.ts'

/** How helpers are run. */
export interface HelperOptions {
  readonly env: NodeJS.ProcessEnv
  readonly signal?: AbortSignal | undefined
  /** Milliseconds that a helper may take; it may have to ask for a passphrase. @default 60_000 */
  readonly helperTimeout?: number | undefined
}

/** What a helper did. */
export interface HelperResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Most bytes of each output that are kept. */
const longestOutput = 1 << 20

const packages: Readonly<Record<string, string>> = {
  desktop: 'Docker Desktop',
  'desktop.exe': 'Docker Desktop, with its integration into this WSL distribution switched on',
  pass: 'docker-credential-helpers (Debian: golang-docker-credential-helpers) and pass',
  secretservice: 'docker-credential-helpers (Debian: golang-docker-credential-helpers)',
  'ecr-login': 'amazon-ecr-credential-helper',
  gcloud: 'the Google Cloud CLI',
  gcr: 'docker-credential-gcr',
}

/**
 * Runs `docker-credential-<name> <action>` with the input on its stdin: the protocol of docker-credential-helpers.
 *
 * @throws {AirplantError} `ERR_CREDENTIAL_HELPER` when it is missing, does not start or takes too long, `ERR_ABORTED`
 */
export async function runHelper(
  name: string,
  action: 'get' | 'store' | 'erase',
  input: string,
  { env, signal, helperTimeout = 60_000 }: HelperOptions,
): Promise<HelperResult> {
  const program = programOf(name)
  if (signal?.aborted) throw aborted(program, signal)
  const child = spawn(program, [action], { env, stdio: 'pipe' })
  return new Promise<HelperResult>((resolve, reject) => {
    const output = { stdout: '', stderr: '' }
    const end = (settle: () => void): void => {
      clearTimer(timer)
      signal?.removeEventListener('abort', abort)
      settle()
    }
    const giveUp = (error: AirplantError): void => {
      child.kill('SIGKILL')
      // A descendant that keeps the pipes open must not keep this process alive.
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
      end(() => reject(error))
    }
    const abort = (): void => giveUp(aborted(program, signal!))
    const timer = setTimer(() => giveUp(late(program, action, helperTimeout)), helperTimeout)
    signal?.addEventListener('abort', abort, { once: true })
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        if (output[stream].length < longestOutput) output[stream] += text
      })
    }
    child.on('error', (error: NodeJS.ErrnoException) => end(() => reject(notStarted(name, program, error.code))))
    child.on('close', (code) => end(() => resolve({ code, ...output })))
    // A helper that needs no input may end before it is written.
    child.stdin.on('error', () => undefined).end(input)
  })
}

/** The helper's name becomes part of a program's name, so that it may be no path. */
function programOf(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return `docker-credential-${name}`
  throw authError(
    `Cannot use ${JSON.stringify(name)} as a credential helper: not the end of a program's name`,
    'Write "pass" for the program docker-credential-pass',
    'ERR_CREDENTIAL_HELPER',
  )
}

function notStarted(name: string, program: string, code: string | undefined): AirplantError {
  const install = `Install ${packages[name] ?? program}`
  const hint = `${install}, or remove "${name}" from "credsStore" and "credHelpers" and log in again`
  const reason = code === 'ENOENT' ? 'it is not in PATH' : `it does not start (${code})`
  return authError(`Cannot run the credential helper ${program}: ${reason}`, hint, 'ERR_CREDENTIAL_HELPER')
}

function late(program: string, action: string, timeout: number): AirplantError {
  const message = `Cannot get an answer from the credential helper ${program}: no end within ${timeout} ms`
  return authError(message, `Run "${program} ${action}" by hand: it may wait for a passphrase`, 'ERR_CREDENTIAL_HELPER')
}

function aborted(program: string, signal: AbortSignal): AirplantError {
  const message = `The credential helper ${program} was given up: the operation was aborted`
  return new AirplantError({ code: 'ERR_ABORTED', message, hint: 'Start it again', cause: signal.reason })
}
