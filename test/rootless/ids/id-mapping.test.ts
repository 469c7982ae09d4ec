import { describe, expect, it } from 'vitest'
import { chooseIdMapping, mapText } from '../../../src/rootless/ids/id-mapping.ts'
import type { IdMappingInput } from '../../../src/rootless/ids/id-mapping.ts'

const everything = { uids: [{ start: 0, count: 4_294_967_295 }], gids: [{ start: 0, count: 4_294_967_295 }] }
const none = { uids: [], gids: [] }
const usual = { start: 100_000, count: 65_536 }

const user: IdMappingInput = {
  mode: 'auto',
  uid: 1000,
  gid: 1001,
  name: 'dev',
  accountGid: 1001,
  noNewPrivs: false,
  newuidmap: '/usr/bin/newuidmap',
  newgidmap: '/usr/bin/newgidmap',
  subordinate: { uids: [usual], gids: [usual] },
  available: everything,
  occupied: none,
  suggestedStart: 165_536,
  installCommand: 'sudo apt-get install -y uidmap',
}
const root: IdMappingInput = { ...user, uid: 0, gid: 0, name: 'root', accountGid: 0, subordinate: none }

describe('an ordinary user', () => {
  it('is container root, and subordinate IDs follow', () => {
    const mapping = chooseIdMapping(user)
    expect(mapping).toMatchObject({ method: 'newuidmap', rootUid: 1000, rootGid: 1001 })
    expect(mapText(mapping.uids)).toBe('0 1000 1\n1 100000 65536\n')
    expect(mapText(mapping.gids)).toBe('0 1001 1\n1 100000 65536\n')
    expect(mapping.programs).toEqual({ newuidmap: '/usr/bin/newuidmap', newgidmap: '/usr/bin/newgidmap' })
    expect(mapping.warning).toBeUndefined()
  })

  it('has several ranges laid end to end, without its own ID or one ID twice', () => {
    const uids = [{ start: 900, count: 200 }, { start: 1090, count: 20 }, usual]
    const mapping = chooseIdMapping({ ...user, subordinate: { uids, gids: [usual] } })
    expect(mapText(mapping.uids)).toBe('0 1000 1\n1 900 100\n101 1001 99\n200 1100 10\n210 100000 65536\n')
  })

  it('is warned when nobody (65534) is not mapped', () => {
    const few = { start: 100_000, count: 1000 }
    const { method, warning } = chooseIdMapping({ ...user, subordinate: { uids: [usual], gids: [few] } })
    expect(method).toBe('newuidmap')
    expect(warning).toMatch(/IDs above 1000 do not exist.*usermod --add-subuids 165536-231071/)
  })

  it('loses ranges that do not exist in an outer user namespace', () => {
    const available = { uids: [{ start: 0, count: 65_536 }], gids: [{ start: 0, count: 65_536 }] }
    expect(chooseIdMapping({ ...user, available })).toMatchObject({
      method: 'single',
      warning: expect.stringContaining('no usable range for "dev" in /etc/subuid and /etc/subgid') as string,
    })
  })

  it.each([
    ['newuidmap', { newuidmap: undefined }, /newuidmap not found on PATH.*Fix: sudo apt-get install -y uidmap/],
    ['both programs', { newuidmap: undefined, newgidmap: undefined }, /newuidmap and newgidmap not found/],
    ['ranges', { subordinate: none }, /Fix: sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 dev$/],
    ['group ranges', { subordinate: { uids: [usual], gids: [] } }, /no usable range for "dev" in \/etc\/subgid/],
    ['set-uid rights', { noNewPrivs: true }, /no_new_privs is set/],
    ['an account', { name: undefined, accountGid: undefined }, /user ID 1000 has no account/],
    ['its own group', { gid: 5 }, /the group is 5, but newuidmap requires the account's own group 1001/],
  ])('without %s has one ID and a warning with the fix', (_, change, warning) => {
    const mapping = chooseIdMapping({ ...user, ...change })
    expect(mapping).toMatchObject({ method: 'single', rootUid: 1000 })
    expect(mapText(mapping.uids)).toBe('0 1000 1\n')
    expect(mapping.warning).toMatch(warning)
    expect(() => chooseIdMapping({ ...user, ...change, mode: 'subordinate' })).toThrow(
      expect.objectContaining({ code: 'ERR_ID_MAPPING' }) as Error,
    )
  })

  it('who asks for a single ID gets it without a warning', () => {
    const mapping = chooseIdMapping({ ...user, mode: 'single' })
    expect(mapping).toEqual({
      method: 'single',
      uids: [{ inside: 0, outside: 1000, count: 1 }],
      gids: [{ inside: 0, outside: 1001, count: 1 }],
      rootUid: 1000,
      rootGid: 1001,
    })
  })
})

describe('real root', () => {
  it('is never mapped, whatever the mode and the ranges', () => {
    const zero = { uids: [{ start: 0, count: 100_000 }], gids: [{ start: 0, count: 100_000 }] }
    for (const mode of ['auto', 'subordinate', 'single'] as const)
      for (const subordinate of [none, root.subordinate, zero]) {
        const { uids, gids, rootUid, method } = chooseIdMapping({ ...root, mode, subordinate })
        for (const extent of [...uids, ...gids]) expect(extent.outside).toBeGreaterThan(0)
        expect(rootUid).toBeGreaterThan(0)
        expect(method).toBe('direct')
      }
  })

  it('uses its own ranges when it has them', () => {
    const mapping = chooseIdMapping({ ...root, subordinate: { uids: [usual], gids: [usual] } })
    expect(mapText(mapping.uids)).toBe('0 100000 65536\n')
    expect(mapping).toMatchObject({ rootUid: 100_000, rootGid: 100_000 })
    expect(mapping.warning).toBeUndefined()
  })

  it('else takes the same aligned block every time, in the range for containers', () => {
    const [extent] = chooseIdMapping(root).uids
    expect(extent).toEqual(chooseIdMapping(root).uids[0])
    expect(extent?.count).toBe(65_536)
    expect((extent?.outside ?? 1) % 65_536).toBe(0)
    expect(extent?.outside).toBeGreaterThanOrEqual(524_288)
    expect((extent?.outside ?? 0) + 65_536).toBeLessThanOrEqual(1_878_982_656)
  })

  it('passes by blocks of accounts and of other users', () => {
    const first = chooseIdMapping(root).uids[0]?.outside ?? 0
    const uids = [
      { start: first + 65_535, count: 1 },
      { start: first + 70_000, count: 1 },
    ]
    const mapping = chooseIdMapping({ ...root, occupied: { uids, gids: [] } })
    expect(mapping.uids[0]?.outside).toBe(first + 2 * 65_536)
    expect(mapping.gids[0]?.outside).toBe(first)
  })

  it('in a small outer namespace takes the largest gap and says what is missing', () => {
    const small = [{ start: 0, count: 65_536 }]
    const accounts = [
      { start: 0, count: 1 },
      { start: 1000, count: 1 },
      { start: 65_534, count: 1 },
    ]
    const mapping = chooseIdMapping({
      ...root,
      available: { uids: small, gids: small },
      occupied: { uids: accounts, gids: accounts },
    })
    expect(mapText(mapping.uids)).toBe('0 1001 64533\n')
    expect(mapping.warning).toMatch(/IDs above 64532 do not exist/)
  })

  it('that is an ordinary user outside is mapped where there is no other ID', () => {
    const one = [{ start: 0, count: 1 }]
    const nested = { ...root, available: { uids: one, gids: one }, isNestedRoot: true }
    const mapping = chooseIdMapping(nested)
    expect(mapping).toMatchObject({
      method: 'single',
      rootUid: 0,
      warning: expect.stringContaining('Only one ID') as string,
    })
    expect(mapText(mapping.uids)).toBe('0 0 1\n')
    expect(chooseIdMapping({ ...nested, available: everything }).method).toBe('direct')
  })

  it('in a namespace of one ID is an error', () => {
    const one = [{ start: 0, count: 1 }]
    expect(() => chooseIdMapping({ ...root, available: { uids: one, gids: one } })).toThrow(
      expect.objectContaining({ code: 'ERR_ID_MAPPING' }) as Error,
    )
  })
})
