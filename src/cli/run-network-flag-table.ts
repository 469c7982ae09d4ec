import type { Flag } from './parse-flags.ts'

/** The flags of `airplant run` that are about networks, in the order of its help. */
export const runNetworkFlags = [
  {
    name: 'publish',
    short: 'p',
    value: '[IP:][HOST:]PORT[/udp]',
    help: 'Publish a port or range; on 127.0.0.1 and ::1, and any free host port if none is given',
  },
  { name: 'publish-all', short: 'P', help: 'Publish the ports that the image exposes, and those of --expose' },
  { name: 'expose', value: 'PORT[/udp]', help: 'One more port, or range, for -P to publish' },
  {
    name: 'network',
    aliases: ['net'],
    value: 'NETWORK',
    help: 'bridge (if not given), none, host, container:NAME, or one of "airplant network ls"; as name=NET,ip=,alias= too',
  },
  { name: 'network-alias', aliases: ['net-alias'], value: 'NAME', help: 'One more name on its first network' },
  { name: 'ip', value: 'ADDRESS', help: 'IPv4 address on its first network, as 10.89.128.5' },
  { name: 'ip6', value: 'ADDRESS', help: 'IPv6 address on its first network' },
  {
    name: 'egress',
    value: 'slirp4netns|pasta',
    missing: 'true',
    help: 'Insist on reaching other machines, by that program; without this flag they are reached where one is installed',
  },
  { name: 'no-egress', help: 'No other machine is reached' },
  { name: 'host-access', value: 'PORT', help: 'Reach that port of 127.0.0.1 here as host.airplant.internal' },
  { name: 'add-host', value: 'NAME:IP', help: 'Line of /etc/hosts; host-gateway as IP is host.airplant.internal' },
  { name: 'dns', value: 'IP', help: 'Name server in place of the network own' },
  { name: 'dns-search', value: 'DOMAIN', help: 'Domain to look for short names in' },
  { name: 'dns-option', aliases: ['dns-opt'], value: 'OPTION', help: 'As in resolv.conf(5): ndots:1' },
  {
    name: 'link',
    value: 'CONTAINER',
    refused: {
      why: 'networks took the place of links',
      instead: 'Give both --network NAME ("airplant network create NAME"): they find each other by --name',
    },
  },
  {
    name: 'mac-address',
    value: 'ADDRESS',
    refused: { why: "an interface's address follows from its IP address", instead: 'Fix that one with --ip' },
  },
  {
    name: 'link-local-ip',
    value: 'ADDRESS',
    refused: { why: 'the kernel chooses link-local addresses', instead: 'Use --ip6' },
  },
] as const satisfies readonly Flag[]
