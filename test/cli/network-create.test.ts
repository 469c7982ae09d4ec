import { describe, expect, test } from 'vitest'
import { readCommandLine } from '../../src/cli/command-line.ts'
import { createOptions, networkCreateCommand } from '../../src/cli/network-create-command.ts'

const create = (...flags: string[]): unknown => createOptions(readCommandLine([...flags, 'web'], networkCreateCommand)!)

describe('flags of network create', () => {
  test('that mean something', () => {
    expect(create()).toEqual({ internal: false, labels: {} })
    expect(create('--internal', '--label', 'a=b=c', '--label=d')).toEqual({
      internal: true,
      labels: { a: 'b=c', d: '' },
    })
    expect(create('--subnet', '10.90.0.0/24', '--subnet', 'fd00:1::/64')).toMatchObject({
      ...{ subnet: '10.90.0.0/24', subnet6: 'fd00:1::/64' },
    })
  })

  test('that docker has and that change nothing', () => {
    const flags = [
      '--driver',
      'bridge',
      '--attachable',
      '--ipv6',
      '--ipv4',
      '--scope',
      'local',
      '--ipam-driver',
      'default',
    ]
    expect(create(...flags)).toEqual({ internal: false, labels: {} })
    const subnets = ['--subnet', '10.90.0.0/24', '--subnet', 'fd00:1::/64']
    expect(create(...subnets, '--gateway', '10.90.0.1', '--gateway', 'fd00:1::1')).toMatchObject({
      subnet: '10.90.0.0/24',
    })
  })

  test.each<[readonly string[], string]>([
    [['--driver', 'overlay'], 'The only one is "bridge"'],
    [['--scope', 'swarm'], 'The only one is "local"'],
    [['--ipv6=false'], '--ipv6=false'],
    [['--subnet', '10.90.0.0/24', '--subnet', '10.91.0.0/24'], 'several subnets of one family'],
    [['--gateway', '10.90.0.1'], 'Give its --subnet, too'],
    [['--subnet', '10.90.0.0/24', '--gateway', '10.90.0.254'], 'Write --gateway 10.90.0.1'],
    [['--ip-range', '10.90.0.0/28'], 'Give a smaller --subnet'],
    [['-o', 'com.docker.network.bridge.name=br1'], 'bridges have no settings'],
    [['--aux-address', 'a=10.90.0.9'], 'Cannot use --aux-address'],
    [['--config-only'], 'there is no swarm'],
  ])('%j is refused', (flags, why) => {
    expect(() => create(...flags)).toThrow(why)
  })
})
