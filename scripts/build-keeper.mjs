// Compiles the keeper: `dist/keeper/airplant-keeper` with plain cc, or with --release the static ones of a package.
// Plain Node, because it runs before anything is installed or built. Other arguments: [sources [output root]], for the tests.
import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NAME = 'airplant-keeper'
const FLAGS = ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-Wshadow', '-Wformat=2']
const STATIC = ['-static', '-s', '-fno-asynchronous-unwind-tables']

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..')
const args = process.argv.slice(2)
const isRelease = args.includes('--release')
const [sourceDirectory = join(packageRoot, 'src', 'rootless', 'keeper'), outputRoot = packageRoot] = args.filter(
  (arg) => !arg.startsWith('--'),
)

const sources = readdirSync(sourceDirectory).filter((name) => /\.(c|h|def)$/.test(name)).sort() // prettier-ignore
const units = sources.filter((name) => name.endsWith('.c')).map((name) => join(sourceDirectory, name))

// npm does it when it installs a package; a checkout is nobody's package. First, because a failing compiler ends all.
const command = join(outputRoot, 'dist', 'src', 'cli', 'main.js')
if (existsSync(command)) chmodSync(command, 0o755)

if (units.length === 0) {
  console.warn(`build-keeper: no C sources in ${sourceDirectory}, nothing built`)
} else if (isRelease) {
  buildRelease()
} else {
  buildOwn()
}

function buildOwn() {
  const compiler = process.env.CC || 'cc'
  const target = join(outputRoot, 'dist', 'keeper', NAME)
  if (isUpToDate(target, compiler)) return
  if (!exists(compiler)) {
    // An outdated program would be worse than none: the resolver compiles lazily, or says what is missing.
    rmSync(target, { force: true })
    console.warn(`build-keeper: "${compiler}" not found; install gcc and libc6-dev, or set AIRPLANT_KEEPER`)
    return
  }
  // Static where the C library allows it: a container's init runs from the keeper's program, inside a root that may have no libc.
  compile(compiler, [...FLAGS, ...(canLinkStatically(compiler) ? ['-static'] : [])], target)
}

function canLinkStatically(compiler) {
  const [program, ...own] = compiler.trim().split(/\s+/)
  const options = [...own, '-static', '-x', 'c', '-', '-o', '/dev/null']
  return (
    spawnSync(program, options, { input: 'int main(void){return 0;}', stdio: ['pipe', 'ignore', 'ignore'] }).status ===
    0
  )
}

function buildRelease() {
  const hashes = {}
  for (const [platform, compilers] of [
    ['linux-x64', process.arch === 'x64' ? ['musl-gcc', 'x86_64-linux-musl-gcc'] : ['x86_64-linux-musl-gcc']],
    ['linux-arm64', ['aarch64-linux-musl-gcc', 'aarch64-linux-gnu-gcc']],
  ]) {
    const compiler = compilers.find(exists)
    if (!compiler) {
      console.warn(`build-keeper: none of ${compilers.join(', ')} found, so no prebuilt/${platform}`)
      continue
    }
    const target = join(outputRoot, 'prebuilt', platform, NAME)
    const headers = compiler === 'musl-gcc' ? kernelHeaders() : undefined
    compile(compiler, [...FLAGS, ...STATIC, ...(headers ? ['-idirafter', headers] : [])], target)
    hashes[`${platform}/${NAME}`] = createHash('sha256').update(readFileSync(target)).digest('hex')
  }
  mkdirSync(join(outputRoot, 'prebuilt'), { recursive: true })
  writeFileSync(join(outputRoot, 'prebuilt', 'hashes.json'), `${JSON.stringify(hashes, null, 2)}\n`)
}

// musl-gcc leaves out /usr/include altogether, and with it the kernel's headers; only those are given back.
function kernelHeaders() {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-headers-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  const triplet = spawnSync('gcc', ['-print-multiarch'], { encoding: 'utf8' }).stdout.trim()
  symlinkSync('/usr/include/linux', join(directory, 'linux'))
  symlinkSync('/usr/include/asm-generic', join(directory, 'asm-generic'))
  symlinkSync(join('/usr/include', triplet, 'asm'), join(directory, 'asm'))
  return directory
}

function compile(compiler, flags, target) {
  mkdirSync(dirname(target), { recursive: true })
  const [program, ...own] = compiler.trim().split(/\s+/)
  const temporary = `${target}.${process.pid}`
  const { status } = spawnSync(program, [...own, ...flags, '-o', temporary, ...units], { stdio: 'inherit' })
  if (status !== 0) {
    rmSync(temporary, { force: true })
    process.exit(1)
  }
  // A running keeper may not be written to (ETXTBSY), but its name may be taken over.
  renameSync(temporary, target)
  if (!isRelease) writeFileSync(`${target}.sources`, sourcesHash(compiler))
}

function isUpToDate(target, compiler) {
  if (!existsSync(target) || !existsSync(`${target}.sources`)) return false
  return readFileSync(`${target}.sources`, 'utf8') === sourcesHash(compiler)
}

function sourcesHash(compiler) {
  const hash = createHash('sha256').update([compiler, ...FLAGS].join(' '))
  for (const name of sources) hash.update(`\0${name}\0`).update(readFileSync(join(sourceDirectory, name)))
  return hash.digest('hex')
}

function exists(compiler) {
  return spawnSync(compiler.trim().split(/\s+/)[0], ['--version'], { stdio: 'ignore' }).error === undefined
}
