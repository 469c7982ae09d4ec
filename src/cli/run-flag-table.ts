import type { Flag } from './parse-flags.ts'
import { runNetworkFlags } from './run-network-flag-table.ts'

/** The flags of `airplant run`, in the order of its help. */
export const runFlags = [
  { name: 'interactive', short: 'i', help: 'Pass this terminal or pipe on as standard input' },
  { name: 'tty', short: 't', help: 'Give it a terminal' },
  {
    name: 'env',
    short: 'e',
    value: 'NAME[=VALUE]',
    help: 'Set a variable; without a value: the one of this shell, if set',
  },
  { name: 'env-file', value: 'FILE', help: 'Set the variables of a file, NAME=VALUE per line' },
  { name: 'user', short: 'u', value: 'USER[:GROUP]', help: 'Names or numbers, resolved inside the container' },
  { name: 'group-add', value: 'GROUP', help: 'Additional group' },
  { name: 'workdir', short: 'w', value: 'DIR', help: 'Working directory inside' },
  { name: 'hostname', short: 'h', value: 'NAME', help: 'Host name inside (help is --help)' },
  {
    name: 'volume',
    short: 'v',
    value: 'SRC:DST[:ro|rw]',
    help: 'Show a file or directory inside, or the volume of that name; a relative path begins with ./',
  },
  {
    name: 'mount',
    value: 'type=bind|volume|tmpfs,...',
    help: 'The same in words: source=, target=, readonly; tmpfs-size=, tmpfs-mode=',
  },
  { name: 'tmpfs', value: 'DST[:size=,mode=]', help: 'Empty file system in memory' },
  { name: 'shm-size', value: 'SIZE', help: 'Size of /dev/shm, as 256m; 64m if not given' },
  ...runNetworkFlags,
  { name: 'read-only', help: 'Root file system read-only' },
  { name: 'init', help: 'Run under a pid 1 that passes on signals and reaps; for programs that do not end by Ctrl-C' },
  {
    name: 'entrypoint',
    value: 'PROGRAM',
    help: "Program before the command, in place of the image's program and command",
  },
  { name: 'pull', value: 'missing|always|never', help: 'When to ask the registry; missing if not given' },
  { name: 'platform', value: 'OS/ARCH', help: 'Of an image for several platforms, as linux/arm64' },
  { name: 'quiet', short: 'q', help: 'Say nothing of pulling' },
  { name: 'rootfs', value: 'DIR', help: 'Root file system to use in place of "host"; it is never written to' },
  { name: 'storage', value: 'DRIVER', help: 'Force overlay, fuse-overlayfs or copy' },
  { name: 'cap-add', value: 'CAP', help: 'Add a capability, or ALL' },
  { name: 'cap-drop', value: 'CAP', help: 'Drop a capability, or ALL' },
  { name: 'security-opt', value: 'OPTION', help: 'seccomp=unconfined, seccomp=FILE.json, no-new-privileges=false' },
  { name: 'ulimit', value: 'NAME=SOFT[:HARD]', help: 'Resource limit, as nofile=1024' },
  { name: 'stop-signal', value: 'SIGNAL', help: 'What SIGTERM to airplant sends; SIGTERM if not given' },
  { name: 'stop-timeout', value: 'SECONDS', help: 'After that SIGTERM or SIGHUP to airplant kills; 10 if not given' },
  { name: 'label', short: 'l', value: 'NAME[=VALUE]', help: 'Label' },
  { name: 'name', value: 'NAME', help: 'Name for its networks, and for commands in other terminals' },
  { name: 'log-limit', value: 'SIZE', help: 'How much output is kept for others that look; 1m if not given' },
  { name: 'rm', help: 'Accepted: it is always so' },
  { name: 'print-plan', help: 'Print what the kernel would be asked to do, and run nothing' },
  { name: 'help', help: 'Print this' },
  {
    name: 'detach',
    short: 'd',
    refused: {
      why: 'there is no daemon, a container lives as long as its command',
      instead: 'Leave it out and add "&", or run it under systemd-run --user, tmux or nohup',
    },
  },
  {
    name: 'privileged',
    refused: {
      why: 'nobody here could grant it',
      instead: 'Name what is needed: --cap-add ALL, --security-opt seccomp=unconfined',
    },
  },
  ...['memory', 'cpus', 'pids-limit'].map((name) => ({
    name,
    value: 'LIMIT',
    refused: {
      why: 'limits by control groups are not supported yet',
      instead: 'Use --ulimit as=BYTES or --ulimit nproc=COUNT',
    },
  })),
] as const satisfies readonly Flag[]

/** A flag of `airplant run` that is not refused. */
export type RunFlagName = Exclude<Extract<(typeof runFlags)[number], { readonly help: string }>['name'], 'help'>
