import type { OptionShape } from './check-options.ts'
import type { ExecOptions } from './exec.ts'
import type { BindOption, ContainerOptions, FileOption, PortOption, TmpfsOption } from './options.ts'

/** Names and kinds of all options; the types make sure that none is forgotten. */

export const containerShape: OptionShape<ContainerOptions> = {
  image: 'any',
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
  tty: 'any',
  stdin: 'switch',
  attach: 'switch',
  network: 'text',
  ports: 'list',
  logLimit: 'any',
  storage: 'text',
  signal: 'object',
}

export const imageShape: OptionShape<{ rootfs: string }> = { rootfs: 'text' }

export const bindShape: OptionShape<BindOption> = { source: 'text', target: 'text', readOnly: 'switch' }

export const tmpfsShape: OptionShape<TmpfsOption> = { target: 'text', size: 'any', mode: 'number' }

export const fileShape: OptionShape<FileOption> = {
  target: 'text',
  content: 'any',
  source: 'text',
  mode: 'number',
  owner: 'any',
}

export const portShape: OptionShape<Exclude<PortOption, number>> = {
  container: 'number',
  host: 'number',
  address: 'text',
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
