import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as airplant from '../../src/index.ts'

const root = join(import.meta.dirname, '..', '..')

interface Packed {
  files: { path: string; mode: number }[]
  size: number
}

function pack(): Packed {
  const options = { cwd: root, env: { ...process.env, npm_config_update_notifier: 'false' } }
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], options).toString()
  return (JSON.parse(output) as Packed[])[0] as Packed
}

describe('the package', () => {
  test('holds the C sources, the hashes of prebuilt keepers, the licence and what was compiled', () => {
    const { files, size } = pack()
    const paths = files.map(({ path }) => path)
    for (const path of ['LICENSE', 'README.md', 'SECURITY.md', 'prebuilt/hashes.json', 'src/rootless/keeper/main.c']) {
      expect(paths).toContain(path)
    }
    expect(paths).toContain('src/rootless/keeper/ops.def')
    expect(paths).toContain('dist/src/index.js')
    expect(paths.filter((path) => path.startsWith('dist/test') || path.startsWith('dist/keeper'))).toEqual([])
    expect(size).toBeLessThan(2 * 1024 ** 2)
  })

  test('holds nothing with a set-user-ID or set-group-ID bit (CVE-2020-5291)', () => {
    expect(pack().files.filter(({ mode }) => (mode & 0o6000) !== 0)).toEqual([])
  })

  test('runs no script when it is installed', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) expect(scripts).not.toHaveProperty(name)
  })

  test('exports what is documented and nothing else', () => {
    expect(Object.keys(airplant).sort()).toEqual([
      'AirplantError',
      'Session',
      'createNetwork',
      'isAirplantError',
      'pool',
      'pullImage',
      'withContainer',
    ])
  })
})
