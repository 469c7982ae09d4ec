// `npm test`: the whole suite, with all the set-up. As root the tests run as an ordinary account, then small sets with the
// single-ID mapping, in the test world "outside", and again as root; the last line is the sum. As an ordinary user they
// run where they are.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { filesWithoutRange, freeRange, suitableAccount } from './setup/account.mjs'
import { copyFor, removeCopy } from './setup/copy.mjs'
import { openDevices } from './setup/devices.mjs'
import { serveImages } from './setup/images.mjs'
import { installCommand, installPackages, missingPackages } from './setup/packages.mjs'
import { repeatedFiles } from './setup/runs.mjs'
import { asAccount, exitCodeFor, here, inOutside, runVitest } from './setup/vitest.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const isRoot = process.getuid() === 0
const sum = { passed: 0, skipped: 0 }
const failures = []
const images = { env: {}, stop() {} }
let interruptedBy
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // What was made is still removed: no further run starts, and the end is reached.
  process.on(signal, () => (interruptedBy ??= signal))
}

try {
  if (isRoot) await testAsRoot(process.argv.slice(2))
  else await testAsUser(process.argv.slice(2))
} catch (error) {
  console.error(error.message)
  failures.push(error.message)
} finally {
  await images.stop()
}
if (failures.length > 0) console.log(`\nWhat failed:\n\n${failures.join('\n\n')}\n`)
console.log(`${sum.passed} passed, ${failures.length} failed, ${sum.skipped} skipped`)
process.exitCode = interruptedBy ? exitCodeFor(interruptedBy) : failures.length > 0 ? 1 : 0

async function testAsRoot(args) {
  installPackages(missingPackages())
  build()
  const account = suitableAccount()
  openDevices()
  await startImages(account)
  const copy = copyFor(account, root)
  try {
    await testIn(`Tests as the account ${account.name}, in ${copy.checkout}`, asAccount(account, copy), args)
    const results = join(copy.checkout, 'results')
    if (existsSync(results)) cpSync(results, join(root, 'results'), { recursive: true })
    await testAgainAsRoot()
  } finally {
    removeCopy(copy)
  }
}

async function testAsUser(args) {
  refuseIncompleteMachine()
  build()
  await startImages()
  await testIn('Tests as this user', here(root), args)
  if (repeatedFiles(root).asRoot.length > 0) console.log('The tests as root are left out: this is an ordinary user')
}

/** Without the images the other tests still run; that they are missing is a failure of its own. */
async function startImages(ids) {
  if (interruptedBy) return
  try {
    Object.assign(images, await serveImages({ ids }))
  } catch (error) {
    console.error(error.message)
    failures.push(error.message)
  }
}

async function testIn(title, place, args) {
  await run(title, 'account', place, args)
  const { withSingleId, outside } = repeatedFiles(root)
  if (withSingleId.length > 0) {
    await run('Tests with the single-ID mapping', 'single-id', place, withSingleId, { AIRPLANT_IDS: 'single' })
  }
  if (outside.length > 0) {
    await run('Tests in the test world "outside"', 'outside', inOutside(place), ['--no-file-parallelism', ...outside])
  }
}

async function testAgainAsRoot() {
  const { asRoot } = repeatedFiles(root)
  if (asRoot.length > 0) await run('Tests as root', 'root', here(root), asRoot)
}

async function run(title, name, place, args, env) {
  if (interruptedBy) return
  console.log(`\n${title}`)
  const ran = await runVitest(name, place, args, { ...images.env, ...env })
  sum.passed += ran.passed
  sum.skipped += ran.skipped
  failures.push(...ran.failures)
  interruptedBy = ran.interruptedBy
}

/** Behind the packages: it needs a compiler. */
function build() {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) throw new Error('The build failed; its own words are above')
  mkdirSync(join(root, 'results'), { recursive: true })
}

/** Nothing is installed or changed for an ordinary user; they are told the exact commands. */
function refuseIncompleteMachine() {
  const missing = missingPackages()
  const files = filesWithoutRange(process.getuid())
  if (missing.length === 0 && files.length === 0) return
  if (missing.length > 0) console.error(`Packages are missing. Run: ${installCommand(missing)}`)
  if (files.length > 0) {
    const { start, count } = freeRange()
    const range = `${start}-${start + count - 1}`
    const command = `sudo usermod --add-subuids ${range} --add-subgids ${range} "$(id -un)"`
    console.error(`No subordinate IDs in ${files.join(' and ')}. Run: ${command}`)
  }
  process.exit(1)
}
