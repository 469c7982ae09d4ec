// One run of vitest: live on our output, in a process group of its own, counted from its JSON report.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'

const passedOn = /^(AIRPLANT_.*|CI|TERM|COLORTERM|NO_COLOR|FORCE_COLOR|LANG|LC_.*|TZ|GITHUB_ACTIONS)$/

/** As this user, in this environment. */
export function here(root) {
  return { checkout: root, command: [process.execPath], env: process.env }
}

/** As the account, in its copy, with an environment that says nothing of ours. */
export function asAccount(account, { checkout, home, path }) {
  const ids = ['--reuid', String(account.uid), '--regid', String(account.gid), '--init-groups']
  const { name, shell } = account
  const kept = Object.fromEntries(Object.entries(process.env).filter(([key]) => passedOn.test(key)))
  return {
    checkout,
    // The signal lets vitest end with us even where we are killed.
    command: ['setpriv', ...ids, '--pdeathsig', 'TERM', 'node'],
    env: { ...kept, PATH: path, HOME: home, USER: name, LOGNAME: name, SHELL: shell },
  }
}

/** The same account in the test world "outside": its name server and its ports are fixed, so one file goes at a time. */
export function inOutside(place) {
  return { ...place, command: [...place.command, join('scripts', 'setup', 'outside.mjs')] }
}

/** Runs it and gives `{ passed, skipped, failures }`, and the name of the signal that interrupted us, if one did. */
export async function runVitest(name, place, args, extraEnv = {}) {
  const report = join(place.checkout, 'results', `${name}.json`)
  mkdirSync(join(place.checkout, 'results'), { recursive: true })
  rmSync(report, { force: true })
  const [command, ...first] = place.command
  const vitest = [join('node_modules', 'vitest', 'vitest.mjs'), 'run', '--configLoader', 'runner']
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const child = spawn(command, [...first, ...vitest, ...reporters, ...args], {
    cwd: place.checkout,
    env: { ...place.env, ...extraEnv },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  })
  const { code, interruptedBy } = await ended(child)
  return { ...outcome(read(report), code, name), interruptedBy }
}

/** The exit code for a signal, as shells give it. */
export function exitCodeFor(signal) {
  return 128 + constants.signals[signal]
}

/** The group is detached, so that a signal reaches it once, from us, whoever sent it; the second one kills. */
async function ended(child) {
  let interruptedBy
  const pass = (signal) => {
    const sent = interruptedBy ? 'SIGKILL' : signal
    interruptedBy ??= signal
    signalGroup(child, sent)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, pass)
  const code = await new Promise((resolve) => {
    child.once('exit', resolve)
    child.once('error', (error) => {
      console.error(`Cannot start ${child.spawnfile}: ${error.message}`)
      resolve(null)
    })
  })
  for (const signal of signals) process.off(signal, pass)
  return { code, interruptedBy }
}

function signalGroup(child, signal) {
  try {
    if (child.pid) process.kill(-child.pid, signal)
  } catch {
    // It has just ended.
  }
}

/**
 * What passed and was skipped, and each failure in a few lines, to be said again at the end: a log that was cut shows its end only. A file
 * that could not be read, an error outside of any test, or a crash without a report counts as one failure.
 */
function outcome(results, code, name) {
  if (!results) return { passed: 0, skipped: 0, failures: [`${name}: vitest ended without a report`] }
  const failures = results.testResults.flatMap(failuresOf)
  if (failures.length === 0 && code !== 0) failures.push(`vitest ended with ${code}, by an error outside of any test`)
  return {
    passed: results.numPassedTests,
    skipped: results.numPendingTests + results.numTodoTests,
    failures: failures.map((failure) => `${name}: ${failure}`),
  }
}

function failuresOf({ name: file, status: ofFile, message, assertionResults }) {
  const tests = assertionResults.filter(({ status }) => status === 'failed')
  if (tests.length === 0) return ofFile === 'failed' ? [`${file}\n${briefly(message)}`] : []
  return tests.map((test) => `${file} > ${test.fullName}\n${briefly(test.failureMessages.join('\n'))}`)
}

function briefly(text) {
  return text
    .split('\n')
    .slice(0, 25)
    .map((line) => `    ${line.slice(0, 300)}`)
    .join('\n')
}

function read(report) {
  try {
    return JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    return undefined
  }
}
