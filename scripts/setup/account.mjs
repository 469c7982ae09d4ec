// The ordinary account, with subordinate IDs, as which root runs the tests.
import { spawnSync } from 'node:child_process'
import { appendFileSync, chmodSync, existsSync, readFileSync } from 'node:fs'

const ownName = 'airplant-test'
const files = ['/etc/subuid', '/etc/subgid']
const enough = 65536

/** An account that suits, ours before others; made when there is none. `{ name, uid, gid, home, shell }` */
export function suitableAccount() {
  const candidates = accounts().filter(isOrdinary)
  const own = candidates.find(({ name }) => name === ownName)
  const suitable = [own, ...candidates].find((account) => account && files.every((file) => hasRange(file, account)))
  return suitable ?? giveRanges(own ?? makeAccount())
}

/** Files that give this user no subordinate IDs. */
export function filesWithoutRange(uid) {
  const account = accountOf(uid)
  return files.filter((file) => !hasRange(file, account))
}

/** The first ranges of this user that are large enough: `{ uids, gids }`, each `{ start, count }` or undefined. */
export function subordinateRanges(uid) {
  const account = accountOf(uid)
  const [uids, gids] = files.map((file) => rangesOf(file).find((range) => isEnough(range, account)))
  return { uids, gids }
}

/** Ranges behind every other, in one line for both files: what an administrator would run or write. */
export function freeRange() {
  const ends = files.flatMap(rangesOf).map(({ start, count }) => start + count)
  return { start: Math.max(100000, ...ends), count: enough }
}

function makeAccount() {
  console.log(`Making the account ${ownName}`)
  const { status } = spawnSync('useradd', ['-m', '-s', '/bin/sh', ownName], { stdio: ['ignore', 'inherit', 'inherit'] })
  const account = accounts().find(({ name }) => name === ownName)
  if (status !== 0 || !account) throw new Error(`Cannot make the account "${ownName}": useradd failed`)
  return account
}

/** Where useradd has not done it (its configuration, or no such files). */
function giveRanges(account) {
  const { start, count } = freeRange()
  for (const file of files) {
    if (hasRange(file, account)) continue
    const isNew = !existsSync(file)
    const gap = isNew || /(^|\n)$/.test(readFileSync(file, 'utf8')) ? '' : '\n'
    appendFileSync(file, `${gap}${account.name}:${start}:${count}\n`)
    if (isNew) chmodSync(file, 0o644)
  }
  return account
}

function accounts() {
  return lines('/etc/passwd').map((line) => {
    const [name, , uid, gid, , home, shell] = line.split(':')
    return { name, uid: Number(uid), gid: Number(gid), home, shell }
  })
}

/** A person's account, or one like it: no service that may not log in. */
function isOrdinary({ uid, shell }) {
  return uid >= 1000 && uid < 60000 && !/\/(nologin|false)$/.test(shell)
}

function accountOf(uid) {
  return accounts().find((candidate) => candidate.uid === uid) ?? { name: String(uid), uid }
}

function hasRange(file, account) {
  return rangesOf(file).some((range) => isEnough(range, account))
}

function isEnough({ owner, count }, { name, uid }) {
  return (owner === name || owner === String(uid)) && count >= enough
}

function rangesOf(file) {
  return lines(file)
    .map((line) => line.split(':'))
    .map(([owner, start, count]) => ({ owner, start: Number(start), count: Number(count) }))
    .filter(({ start, count }) => Number.isSafeInteger(start) && Number.isSafeInteger(count))
}

function lines(file) {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
}
