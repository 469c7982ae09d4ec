import { text as readAll } from 'node:stream/consumers'
import type { Credentials } from '../images/registry/credentials/credentials.ts'
import { isAirplantError } from '../errors.ts'
import { ask, canAsk } from './ask.ts'
import type { Command } from './command.ts'
import type { CommandLine } from './command-line.ts'
import { endOnSignals } from './end-on-signals.ts'
import { printText } from './print-text.ts'
import { readRegistry } from './read-registry.ts'
import { usageError } from './usage-error.ts'

/** `airplant login`. */
export const loginCommand: Command = {
  name: 'login',
  usage: '[FLAGS] [REGISTRY]',
  about: `Keeps the credentials of a registry, by default Docker Hub's, where docker keeps them: with the credential helper that docker's
configuration names, else in ~/.docker/config.json. The registry is asked before. Without flags the credentials that are kept already
are tried, and then those that you type.`,
  flags: [
    { name: 'username', short: 'u', value: 'USER', help: 'Name of the account' },
    {
      name: 'password',
      short: 'p',
      value: 'PASSWORD',
      help: 'Others on this machine can see it: better is the next one',
    },
    { name: 'password-stdin', help: 'Read the password or token from stdin' },
  ],
  words: [0, 1],
  examples: ['airplant login', 'echo "$TOKEN" | airplant login -u me --password-stdin ghcr.io'],
  async run(line) {
    endOnSignals()
    const registry = readRegistry(line.words[0])
    if (await isLoggedIn(registry, line)) return await succeed()
    const credentials = await askCredentials(line)
    const [{ checkLogin }, { storeCredentials }] = await Promise.all([
      import('../images/registry/check-login.ts'),
      import('../images/registry/credentials/stored-logins.ts'),
    ])
    await checkLogin(registry, credentials, { env: process.env })
    const place = await storeCredentials(registry, credentials, { env: process.env })
    if (place.startsWith('/')) {
      process.stderr.write(`airplant: The password is kept unencrypted in "${place}"; a credential helper would not\n`)
    }
    return await succeed()
  },
}

async function succeed(): Promise<number> {
  await printText('Login Succeeded\n')
  return 0
}

/** Whether the credentials that are kept are still good, where no others were given. */
async function isLoggedIn(registry: string, line: CommandLine): Promise<boolean> {
  if (['username', 'password', 'password-stdin'].some((name) => line.values(name).length > 0)) return false
  const { findCredentials } = await import('../images/registry/credentials/find-credentials.ts')
  const known = await findCredentials(registry, '', { env: process.env })
  if (!known) return false
  const { checkLogin } = await import('../images/registry/check-login.ts')
  try {
    process.stderr.write(`Authenticating with the credentials of ${known.source}\n`)
    await checkLogin(registry, known, { env: process.env })
    return true
  } catch (error) {
    if (!isAirplantError(error) || error.code !== 'ERR_REGISTRY_AUTH' || !canAsk()) throw error
    process.stderr.write(`airplant: ${error.message.split('\n')[0]}\n`)
    return false
  }
}

async function askCredentials(line: CommandLine): Promise<Credentials> {
  const isPiped = line.isOn('password-stdin')
  if (isPiped && line.value('password') !== undefined) {
    throw usageError('Cannot use --password with --password-stdin', 'Write one of them')
  }
  const user = line.value('username')
  if (isPiped && user === undefined)
    throw usageError('Cannot log in: --password-stdin needs a user name', 'Add -u USER')
  if (isPiped && process.stdin.isTTY) {
    throw usageError('Cannot read the password: the input is a terminal', 'Pipe it in, or leave out --password-stdin')
  }
  if (line.value('password') !== undefined) {
    process.stderr.write('airplant: A password on the command line is visible to others; --password-stdin is not\n')
  }
  const username = user ?? (await answer('Username: ', {}))
  const given = isPiped ? (await readAll(process.stdin)).replace(/\r?\n$/, '') : line.value('password')
  const password = given ?? (await answer('Password: ', { hidden: true }))
  if (username === '' || password === '') {
    throw usageError(`Cannot log in without a ${username === '' ? 'user name' : 'password'}`, 'Give both')
  }
  return { kind: 'password', username, password, source: `user "${username}"` }
}

async function answer(question: string, options: { hidden?: boolean }): Promise<string> {
  if (!canAsk()) {
    throw usageError(
      'Cannot ask for the credentials: there is no terminal',
      'Write -u USER --password-stdin, and pipe it in',
    )
  }
  const text = await ask(question, options)
  return options.hidden ? text : text.trim()
}
