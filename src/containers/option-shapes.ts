import type { OptionShape } from '../rootless/check-options.ts'
import type { ExecOptions } from './exec.ts'
import type {
  BindOption,
  ContainerOptions,
  CopyInOption,
  FileOption,
  HealthcheckOption,
  PortOption,
  TmpfsOption,
  VolumeOption,
} from './options.ts'

/** Names and kinds of all options; the types make sure that none is forgotten. */

export const containerShape: OptionShape<ContainerOptions> = {
  image: 'any',
  pull: 'any',
  platform: 'text',
  command: 'list',
  entrypoint: 'list',
  env: 'object',
  user: 'text',
  groups: 'list',
  workdir: 'text',
  hostname: 'text',
  files: 'list',
  binds: 'list',
  tmpfs: 'list',
  sockets: 'list',
  volumes: 'list',
  shmSize: 'any',
  readOnly: 'switch',
  init: 'switch',
  capabilities: 'object',
  seccomp: 'any',
  noNewPrivileges: 'switch',
  rlimits: 'object',
  stopSignal: 'any',
  stopTimeout: 'number',
  labels: 'object',
  healthcheck: 'any',
  tty: 'any',
  stdin: 'switch',
  attach: 'switch',
  name: 'text',
  network: 'any',
  aliases: 'list',
  egress: 'any',
  hostAccess: 'list',
  extraHosts: 'object',
  dns: 'list',
  dnsSearch: 'list',
  dnsOptions: 'list',
  ports: 'any',
  logLimit: 'any',
  storage: 'text',
  signal: 'object',
}

export const rootfsShape: OptionShape<{ rootfs: string }> = { rootfs: 'text' }

export const pullShape: OptionShape<{ newerThan: number }> = { newerThan: 'number' }

export const ociShape: OptionShape<{ oci: string; reference?: string }> = { oci: 'text', reference: 'text' }

export const archiveShape: OptionShape<{ archive: string; reference?: string }> = { archive: 'text', reference: 'text' }

export const tarShape: OptionShape<{ tar: string }> = { tar: 'text' }

export const volumeShape: OptionShape<VolumeOption> = { name: 'text', target: 'text', readOnly: 'switch' }

export const healthcheckShape: OptionShape<HealthcheckOption> = {
  command: 'list',
  interval: 'number',
  timeout: 'number',
  startPeriod: 'number',
  startInterval: 'number',
  retries: 'number',
}

export const bindShape: OptionShape<BindOption> = { source: 'text', target: 'text', readOnly: 'switch' }

export const tmpfsShape: OptionShape<TmpfsOption> = { target: 'text', size: 'any', mode: 'number' }

export const fileShape: OptionShape<FileOption> = {
  target: 'text',
  content: 'any',
  source: 'text',
  mode: 'number',
  owner: 'any',
}

export const copyInShape: OptionShape<CopyInOption> = { ...fileShape, tar: 'object' }

export const portShape: OptionShape<Exclude<PortOption, number | string>> = {
  container: 'number',
  host: 'number',
  address: 'text',
  protocol: 'text',
}

export const capabilitiesShape: OptionShape<NonNullable<ContainerOptions['capabilities']>> = {
  add: 'list',
  drop: 'list',
}

export const execShape: OptionShape<ExecOptions> = {
  env: 'object',
  user: 'text',
  workdir: 'text',
  stdin: 'any',
  tty: 'any',
  timeout: 'number',
  signal: 'object',
}
