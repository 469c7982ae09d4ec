// Checks the C of the keeper: its format, and that gcc's analyzer finds nothing. `--write` formats it instead.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const keeper = join('src', 'rootless', 'keeper')
const warnings = ['-Wall', '-Wextra', '-Werror', '-Wshadow', '-Wformat=2']

const files = readdirSync(join(root, keeper), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.[ch]$/.test(name))
  .sort()
  .map((name) => join(keeper, name))

const results = process.argv.includes('--write') ? [format(['-i'])] : [format(['--dry-run', '-Werror']), analyze()]
process.exit(results.every(Boolean) ? 0 : 1)

function format(flags) {
  if (!isInstalled('clang-format')) {
    console.log('lint-c: the format of C is not checked: no clang-format here (apt-get install clang-format)')
    return true
  }
  return files.length === 0 || run('clang-format', [...flags, ...files])
}

function analyze() {
  // -fanalyzer is gcc's alone; a `cc` that is clang would refuse it.
  if (!isInstalled('gcc')) {
    console.log('lint-c: C is not analyzed: no gcc here (apt-get install gcc libc6-dev)')
    return true
  }
  const sources = files.filter((file) => file.endsWith('.c'))
  // One compiler per file, so that all files' findings are shown.
  return sources
    .map((file) => run('gcc', ['-std=gnu11', '-O2', ...warnings, '-fanalyzer', '-c', '-o', '/dev/null', file]))
    .every(Boolean)
}

function isInstalled(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
}

function run(command, args) {
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0
}
