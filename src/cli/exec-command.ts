import { readFileSync } from 'node:fs'
import type { ExecOptions, ExecProcess } from '../containers/exec.ts'
import type { AttachedContainer } from '../containers/attached-container.ts'
import type { ContainerExit } from '../containers/running-container.ts'
import type { AttachTarget } from './attach-streams.ts'
import { attachStreams, requireTerminal } from './attach-streams.ts'
import type { CommandLine } from './command-line.ts'
import type { Command } from './command.ts'
import { openContainer } from './container-session.ts'
import { forwardSignals } from './forward-signals.ts'
import { parseEnv, parseEnvFile, readGivenFile } from './run-values.ts'

const STOP_TIMEOUT = 10_000

/** `airplant exec`. */
export const execCommand: Command = {
  name: 'exec',
  usage: '[FLAGS] CONTAINER [--] COMMAND [ARGUMENTS]',
  about: `Runs a command in a running container, whichever process of this account started it: as the user, in the directory and with the environment of
the container, under the same restrictions. Flags end at the container. The command ends with this one at the latest.

Exit code: the command's own; 128 and the number of the signal that ended it; 127 not found; 126 not executable; 125 a wrong flag; 1
anything else. Signals are passed on; SIGTERM kills when 10 seconds were not enough, Ctrl-C twice within a second at once.`,
  flags: [
    { name: 'interactive', short: 'i', help: 'Pass this terminal or pipe on as standard input' },
    { name: 'tty', short: 't', help: 'Give it a terminal' },
    { name: 'env', short: 'e', value: 'NAME[=VALUE]', help: 'Set a variable; without a value: the one of this shell' },
    { name: 'env-file', value: 'FILE', help: 'Set the variables of a file, NAME=VALUE per line' },
    { name: 'user', short: 'u', value: 'USER[:GROUP]', help: 'Names or numbers, resolved inside the container' },
    { name: 'workdir', short: 'w', value: 'DIR', help: 'Working directory inside' },
    {
      name: 'detach',
      short: 'd',
      refused: {
        why: 'there is no daemon that would keep the command',
        instead: 'Leave it out and add "&", or start it inside by a shell: sh -c \'command &\'',
      },
    },
    {
      name: 'detach-keys',
      value: 'KEYS',
      refused: { why: 'nothing can be left running', instead: 'Leave it out; all keys go to the command' },
    },
    {
      name: 'privileged',
      refused: {
        why: 'a command has no more rights than its container',
        instead: 'Start the container with what is needed: --cap-add ALL, --security-opt seccomp=unconfined',
      },
    },
  ],
  flagsFirst: true,
  words: [2, Infinity],
  examples: ['airplant exec -it db psql -U postgres', "airplant exec -i db sh -c 'cat > /tmp/seed.sql' < seed.sql"],
  async run(line) {
    const [name = '', ...command] = line.words
    const [tty, interactive] = [line.isOn('tty'), line.isOn('interactive')]
    const size = tty ? await requireTerminal(interactive) : undefined
    const options = { ...optionsOf(line), ...(size && { tty: size }), ...(!interactive && !tty && { stdin: '' }) }
    const { container, [Symbol.asyncDispose]: close } = await openContainer(name)
    try {
      return await runIn(container, command, options, { tty, interactive })
    } finally {
      await close()
    }
  },
}

function optionsOf(line: CommandLine): ExecOptions {
  const { env } = process
  const readText = (path: string): string => readFileSync(path, 'utf8')
  const files = line.values('env-file').map((path) => parseEnvFile(readGivenFile('--env-file', path, readText), env))
  const given = line.values('env').map((text) => parseEnv(text, env))
  const [user, workdir] = [line.value('user'), line.value('workdir')]
  return {
    env: Object.assign({}, ...files, ...given) as Record<string, string>,
    ...(user !== undefined && { user }),
    ...(workdir !== undefined && { workdir }),
  }
}

async function runIn(
  container: AttachedContainer,
  command: readonly string[],
  options: ExecOptions,
  how: { tty: boolean; interactive: boolean },
): Promise<number> {
  const target = targetOf(await container.execStream(command, options))
  const signals = forwardSignals(
    { pid: 0, signal: (number) => target.signal(number) },
    { stopSignal: 15, stopTimeout: STOP_TIMEOUT },
  )
  return await attachStreams(target, signals, how)
}

function targetOf(process: ExecProcess): AttachTarget {
  let exit: ContainerExit | undefined
  const exited = process.exited.then((ended) => (exit = ended))
  exited.catch(() => undefined)
  return {
    ...{ stdin: process.stdin, stdout: process.stdout, stderr: process.stderr },
    get exit() {
      return exit
    },
    wait: () => exited,
    resize: (rows, columns) => process.resize(rows, columns),
    signal: (number) => process.kill(number),
  }
}
