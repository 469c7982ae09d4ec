import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A root file system of a few files, for tests. */
export interface TinyRoot extends Disposable {
  readonly path: string
  /** Writes a file into it, with the directories above it. */
  write(path: string, content: string | Uint8Array, mode?: number): void
}

const busybox = ['/usr/bin/busybox', '/bin/busybox'].find((path) => existsSync(path))

const directories = ['bin', 'etc', 'root', 'home/app', 'tmp', 'var/data', 'usr/bin']

// Each a name of the one static program, as Alpine has them.
const applets =
  'sh cat echo id env pwd ls ln rm mv cp mkdir rmdir chmod chown stat hostname sleep true false head tail tr wc seq dd kill ps nc httpd test [ netstat mount umount touch find grep sed awk md5sum yes ulimit sync setsid readlink df stty tty od xxd printf tee trap mknod date ip unshare wget nproc free expr sort uniq'
    .split(' ')
    .filter((name) => name !== 'ulimit' && name !== 'trap')

/**
 * Makes a root in a directory of its own: busybox, two accounts, three groups. It belongs to the account that runs the tests.
 *
 * @example
 * using root = tinyRoot()
 * await using container = await withContainer({ image: { rootfs: root.path }, command: ['sleep', '60'] })
 */
export function tinyRoot(parent: string = tmpdir()): TinyRoot {
  if (!busybox) throw new Error('Cannot make a root: busybox is missing. Run: apt-get install busybox-static')
  const path = mkdtempSync(join(parent, 'airplant-root-'))
  chmodSync(path, 0o755)
  for (const directory of directories) mkdirSync(join(path, directory), { recursive: true })
  chmodSync(join(path, 'tmp'), 0o1777)
  const program = join(path, 'bin', 'busybox')
  copyFileSync(busybox, program)
  chmodSync(program, 0o755)
  for (const name of applets) linkSync(program, join(path, 'bin', name))
  const root: TinyRoot = {
    path,
    write(name, content, mode = 0o644) {
      const file = join(path, name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, content)
      chmodSync(file, mode)
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
  root.write(
    '/etc/passwd',
    'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n',
  )
  root.write('/etc/group', 'root:x:0:\nstaff:x:50:app\nvideo:x:44:\napp:x:1001:\nnobody:x:65534:\n')
  return root
}

/** Names, owners, modes, times and contents of everything below a directory, as one number: equal when nothing changed. */
export function hashTree(directory: string): string {
  const listing = execFileSync('find', ['.', '-printf', '%P %y %m %U %G %s %T@ %C@ %l\\n'], { cwd: directory })
  const lines = listing.toString().split('\n').sort().join('\n')
  const sums = execFileSync('sh', ['-c', 'find . -type f -links 1 -print0 | sort -z | xargs -0 md5sum'], {
    cwd: directory,
  })
  return createHash('sha256').update(lines).update(sums).digest('hex')
}
