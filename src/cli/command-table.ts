import type { Command } from './command.ts'

/** Takes the words after its name; resolves with the exit code. */
export type Runner = (args: readonly string[]) => Promise<number>

/** A command as it is listed, and how its code is loaded. */
export interface ListedCommand {
  readonly summary: string
  /** Code of a container or image should not be waited for by those who want something else. */
  readonly load: () => Promise<Command | Runner>
}

/** The commands by name, in the order of the overview; one with two words is of a group. */
export const commandTable: Readonly<Record<string, ListedCommand>> = {
  run: {
    summary: 'Run a command in a new container',
    load: async () => (await import('./run-command.ts')).runCommand,
  },
  exec: {
    summary: 'Run a command in a running container',
    load: async () => (await import('./exec-command.ts')).execCommand,
  },
  ps: {
    summary: 'List the running containers of this account, those of tests included',
    load: async () => (await import('./ps-command.ts')).psCommand,
  },
  logs: {
    summary: 'Print what a running container wrote',
    load: async () => (await import('./logs-command.ts')).logsCommand,
  },
  stop: {
    summary: 'Stop running containers',
    load: async () => (await import('./stop-command.ts')).stopCommand,
  },
  kill: {
    summary: 'Send running containers a signal',
    load: async () => (await import('./kill-command.ts')).killCommand,
  },
  pause: {
    summary: 'Stop the processes of running containers where they are',
    load: async () => (await import('./pause-command.ts')).pauseCommand,
  },
  unpause: {
    summary: 'Let the processes of paused containers go on',
    load: async () => (await import('./unpause-command.ts')).unpauseCommand,
  },
  wait: {
    summary: 'Wait until containers have ended',
    load: async () => (await import('./wait-command.ts')).waitCommand,
  },
  rm: {
    summary: 'Remove containers',
    load: async () => (await import('./rm-command.ts')).rmCommand,
  },
  cp: {
    summary: 'Copy files into a running container or out of it',
    load: async () => (await import('./cp-command.ts')).cpCommand,
  },
  diff: {
    summary: 'Show what a running container changed in its files',
    load: async () => (await import('./diff-command.ts')).diffCommand,
  },
  commit: {
    summary: 'Make an image of a running container',
    load: async () => (await import('./commit-command.ts')).commitCommand,
  },
  export: {
    summary: "Write a running container's files as a tar archive",
    load: async () => (await import('./export-command.ts')).exportCommand,
  },
  port: {
    summary: 'Show where the published ports of a running container are',
    load: async () => (await import('./port-command.ts')).portCommand,
  },
  pull: {
    summary: 'Fetch an image from a registry',
    load: async () => (await import('./pull-command.ts')).pullCommand,
  },
  push: {
    summary: 'Send an image to a registry',
    load: async () => (await import('./push-command.ts')).pushCommand,
  },
  search: {
    summary: 'Look for images in Docker Hub or another registry',
    load: async () => (await import('./search-command.ts')).searchCommand,
  },
  images: {
    summary: 'List the images in the store',
    load: async () => (await import('./images-command.ts')).imagesCommand,
  },
  inspect: {
    summary: 'Show all that is known of images, running containers, volumes and networks, as JSON',
    load: async () => (await import('./inspect-command.ts')).inspectCommand,
  },
  history: {
    summary: 'Show the layers of an image',
    load: async () => (await import('./history-command.ts')).historyCommand,
  },
  tag: {
    summary: 'Give an image one more name',
    load: async () => (await import('./tag-command.ts')).tagCommand,
  },
  rmi: {
    summary: 'Remove images',
    load: async () => (await import('./rmi-command.ts')).rmiCommand,
  },
  save: {
    summary: 'Write images to an archive',
    load: async () => (await import('./save-command.ts')).saveCommand,
  },
  load: {
    summary: 'Read images from an archive',
    load: async () => (await import('./load-command.ts')).loadCommand,
  },
  import: {
    summary: 'Make an image of a tar archive of files',
    load: async () => (await import('./import-command.ts')).importCommand,
  },
  prune: {
    summary: 'Remove what no container needs',
    load: async () => (await import('./prune-command.ts')).pruneCommand,
  },
  login: {
    summary: 'Keep the credentials of a registry',
    load: async () => (await import('./login-command.ts')).loginCommand,
  },
  logout: {
    summary: 'Forget the credentials of a registry',
    load: async () => (await import('./logout-command.ts')).logoutCommand,
  },
  'image prune': {
    summary: 'Remove images that no container needs',
    load: async () => (await import('./image-prune-command.ts')).imagePruneCommand,
  },
  'volume ls': {
    summary: 'List the volumes in the store',
    load: async () => (await import('./volume-ls-command.ts')).volumeLsCommand,
  },
  'volume create': {
    summary: 'Make a volume',
    load: async () => (await import('./volume-create-command.ts')).volumeCreateCommand,
  },
  'volume rm': {
    summary: 'Remove volumes',
    load: async () => (await import('./volume-rm-command.ts')).volumeRmCommand,
  },
  'volume prune': {
    summary: 'Remove volumes that no container uses',
    load: async () => (await import('./volume-prune-command.ts')).volumePruneCommand,
  },
  'network ls': {
    summary: 'List networks',
    load: async () => (await import('./network-ls-command.ts')).networkLsCommand,
  },
  'network create': {
    summary: 'Make a network',
    load: async () => (await import('./network-create-command.ts')).networkCreateCommand,
  },
  'network rm': {
    summary: 'Remove networks',
    load: async () => (await import('./network-rm-command.ts')).networkRmCommand,
  },
  'network connect': {
    summary: 'Connect a running container to a network',
    load: async () => (await import('./network-connect-command.ts')).networkConnectCommand,
  },
  'network disconnect': {
    summary: 'Take a running container off a network',
    load: async () => (await import('./network-disconnect-command.ts')).networkDisconnectCommand,
  },
  'network prune': {
    summary: 'Remove networks that no container is on',
    load: async () => (await import('./network-prune-command.ts')).networkPruneCommand,
  },
  'warm up': {
    summary: 'Fetch and prepare what airplant.config.* names, ahead of the tests',
    load: async () => (await import('./warm-up-command.ts')).warmUpCommand,
  },
  'warm ls': {
    summary: 'List what tests prepared on images, so that it need not be done again',
    load: async () => (await import('./warm-ls-command.ts')).warmLsCommand,
  },
  'warm rm': {
    summary: 'Remove warm layers, so that they are prepared again',
    load: async () => (await import('./warm-rm-command.ts')).warmRmCommand,
  },
  'warm prune': {
    summary: 'Remove warm layers that were not used for a while',
    load: async () => (await import('./warm-prune-command.ts')).warmPruneCommand,
  },
  'system df': {
    summary: 'Show how much space the store takes',
    load: async () => (await import('./system-df-command.ts')).systemDfCommand,
  },
  doctor: {
    summary: 'Try what containers need on this machine, and say how to mend what is missing',
    load: async () => (await import('./doctor-command.ts')).doctorCommand,
  },
  help: {
    summary: 'Print this, or with a command: about it',
    load: async () => (await import('./help-command.ts')).helpCommand,
  },
  version: {
    summary: 'Print the version',
    load: async () => (await import('./help-command.ts')).versionCommand,
  },
}

/** Other words for commands; what follows the first word is put before the arguments. */
export const commandAliases: Readonly<Record<string, readonly [name: string, ...args: string[]]>> = {
  '--help': ['help'],
  '-h': ['help'],
  '--version': ['version'],
  '-v': ['version'],
  'image ls': ['images'],
  'image list': ['images'],
  'image rm': ['rmi'],
  'image remove': ['rmi'],
  'image inspect': ['inspect', '--type=image'],
  ...Object.fromEntries(
    ['history', 'import', 'load', 'pull', 'push', 'save', 'tag'].map((name) => [`image ${name}`, [name] as const]),
  ),
  'container ls': ['ps'],
  'container list': ['ps'],
  'container remove': ['rm'],
  'container inspect': ['inspect', '--type=container'],
  ...Object.fromEntries(
    [
      ...['run', 'exec', 'ps', 'logs', 'stop', 'kill', 'pause', 'unpause', 'wait', 'rm'],
      ...['cp', 'diff', 'commit', 'export', 'port'],
    ].map((name) => [`container ${name}`, [name] as const]),
  ),
  'volume list': ['volume ls'],
  'volume remove': ['volume rm'],
  'volume inspect': ['inspect', '--type=volume'],
  'warm list': ['warm ls'],
  'warm remove': ['warm rm'],
  'network list': ['network ls'],
  'network remove': ['network rm'],
  'network inspect': ['inspect', '--type=network'],
  'system prune': ['prune'],
}

/** A command that was found, with its arguments. */
export interface FoundCommand {
  readonly name: string
  readonly args: readonly string[]
}

/**
 * The command that words begin with. @returns undefined when there is none
 *
 * @example
 * findCommand(['image', 'ls', '-q']) // { name: 'images', args: ['-q'] }
 */
export function findCommand(words: readonly string[]): FoundCommand | undefined {
  for (const length of [2, 1]) {
    const written = words.slice(0, length).join(' ')
    const args = words.slice(length)
    if (Object.hasOwn(commandTable, written)) return { name: written, args }
    const alias = Object.hasOwn(commandAliases, written) ? commandAliases[written] : undefined
    if (alias) return { name: alias[0], args: [...alias.slice(1), ...args] }
  }
  return undefined
}

/** Words that stand for a group, with what may follow them. */
export function commandsOfGroup(group: string): string[] {
  const names = [...Object.keys(commandTable), ...Object.keys(commandAliases)]
  return names.filter((name) => name.startsWith(`${group} `)).sort()
}

/** Runs a command that was found. */
export async function runCommandNamed({ name, args }: FoundCommand): Promise<number> {
  const command = await commandTable[name]!.load()
  if (typeof command === 'function') return await command(args)
  const { readCommandLine } = await import('./command-line.ts')
  const line = readCommandLine(args, command)
  if (line) return await command.run(line)
  const [{ describeCommand }, { printText }] = await Promise.all([
    import('./describe-command.ts'),
    import('./print-text.ts'),
  ])
  await printText(describeCommand(command))
  return 0
}
