import { AirplantError, isAirplantError } from '../errors.ts'
import type { ErrorCode, Phase } from '../errors.ts'
import { rlimitNames } from '../rootless/rlimits.ts'
import { StepError } from '../rootless/step-error.ts'

/** What an error is about, for its fields and its words. */
export interface ErrorContext {
  readonly phase: Phase
  readonly image: string
  readonly container?: string | undefined
  readonly elapsed?: number | undefined
  readonly command?: string | undefined
  readonly workdir?: string | undefined
}

interface Explanation {
  code: ErrorCode
  message: string
  hint: string
}

/** Turns a failed step into the error that its user can act on; other errors pass. */
export function explainStep(error: unknown, context: ErrorContext): Error {
  if (isAirplantError(error)) return error
  if (!(error instanceof StepError)) return error instanceof Error ? error : new Error(String(error))
  const { code, message, hint } = explain(error, context)
  const { phase, image, container, elapsed } = context
  return new AirplantError({
    ...{ code, message, hint, phase, image, container, elapsed },
    errno: error.errnoName,
    step: error.what,
    detail: error.detail,
    cause: error,
  })
}

function explain(error: StepError, context: ErrorContext): Explanation {
  if (error.errnoName === 'ENOSPC' || error.errnoName === 'EDQUOT') return diskFull(error)
  const byStep = explanations[error.what]?.(error, context)
  if (byStep) return byStep
  return {
    code: 'ERR_STEP_FAILED',
    message: `Cannot start the container: ${error.message}`,
    hint: 'Run "airplant doctor"; if it finds nothing, please report this with the step',
  }
}

const notRunning: Record<string, Explanation> = {
  ESRCH: {
    code: 'ERR_NOT_RUNNING',
    message: 'Cannot exec: the container is not running',
    hint: 'Start a new container',
  },
  EBUSY: {
    code: 'ERR_NOT_RUNNING',
    message: 'Cannot exec: the container is paused',
    hint: 'Call resume() first',
  },
}

type Explain = (error: StepError, context: ErrorContext) => Explanation | undefined

const explanations: Record<string, Explain> = {
  exec: explainExec,
  interpreter: ({ detail }) => ({
    code: 'ERR_INTERPRETER_MISSING',
    message: `Cannot run ${quoteBeforeColon(detail)}: its interpreter is not in the container`,
    hint: 'Check the script first line (also for Windows line ends), or the architecture of the program',
  }),
  chdir: ({ detail, errnoName }) => ({
    code: 'ERR_WORKDIR_MISSING',
    message: `Cannot enter the working directory "${detail}": ${errnoName === 'ENOENT' ? 'it is not in the container' : errnoName}`,
    hint: 'Set workdir to a directory of the image, or make it with a tmpfs, a bind or a placed file',
  }),
  credentials: ({ detail, errnoName }) =>
    errnoName === 'ENOENT'
      ? {
          code: 'ERR_UNKNOWN_USER',
          message: `Cannot run as "${detail}": not in the container's /etc/passwd or /etc/group`,
          hint: 'Use a name that is there, or a number',
        }
      : {
          code: 'ERR_UNKNOWN_USER',
          message: `Cannot switch to the user: ${errnoName}${detail ? `, ${detail}` : ''}`,
          hint: 'The ID is outside the mapping: "airplant doctor" shows how many IDs there are',
        },
  rlimit: explainRlimit,
  openTree: missingSource,
  openFile: missingSource,
  attach: explainAttach,
  publish: ({ detail, errnoName }) => ({
    code: 'ERR_PORT_UNAVAILABLE',
    message: `Cannot publish on ${detail}: ${errnoName === 'EADDRINUSE' ? 'the port is in use' : errnoName}`,
    hint:
      errnoName === 'EACCES'
        ? 'Choose a host port from 1024 up, or 0 for any free one'
        : 'Leave out the host port to get any free one',
  }),
  overlay: explainOverlay,
  waitMount: ({ message }) => ({
    code: 'ERR_STORAGE_DRIVER',
    message: `Cannot mount the root with fuse-overlayfs: ${message}`,
    hint: 'Run "airplant doctor" to see whether /dev/fuse and fuse-overlayfs work',
  }),
  writeFile: explainPlacing,
  copyIn: explainPlacing,
  mkdir: explainDirectory,
  spawn: ({ errnoName, message }) =>
    notRunning[errnoName] ?? {
      code: 'ERR_STEP_FAILED',
      message: `Cannot start: ${message}`,
      hint: 'Fewer processes at once, or smaller frames',
    },
  signal: explainState,
  pause: explainState,
  resume: explainState,
  resize: explainState,
  join: () => ({
    code: 'ERR_NOT_RUNNING',
    message: 'Cannot exec: the container has just ended',
    hint: 'Look at its logs for the reason',
  }),
}

function explainOverlay({ detail, errnoName, message }: StepError): Explanation {
  if (errnoName === 'ENOENT') {
    return {
      code: 'ERR_IMAGE_NOT_FOUND',
      message: `Cannot mount the root: "${detail}" is gone`,
      hint: 'Somebody removed the image: pull it again, or make the snapshot again',
    }
  }
  return {
    code: 'ERR_STORAGE_DRIVER',
    message: `Cannot mount the root: ${message}`,
    hint: 'Set AIRPLANT_STATE_DIR to a directory on another file system, or force storage: "fuse-overlayfs" or "copy"',
  }
}

function explainState({ what, errnoName, message }: StepError, { container = '' }: ErrorContext): Explanation {
  if (errnoName === 'ESRCH') {
    return {
      code: 'ERR_NOT_RUNNING',
      message: `Cannot ${what} container ${container}: it has ended`,
      hint: 'Look at its logs for the reason, and start a new one',
    }
  }
  const cannot = `Cannot ${what} container ${container}`
  if (errnoName !== 'EALREADY')
    return { code: 'ERR_STEP_FAILED', message: `${cannot}: ${message}`, hint: 'See its logs' }
  return what === 'pause'
    ? { code: 'ERR_STEP_FAILED', message: `${cannot}: it is paused already`, hint: 'Resume it first' }
    : { code: 'ERR_STEP_FAILED', message: `${cannot}: it is not paused`, hint: 'Pause it first' }
}

function explainExec({ detail, errnoName }: StepError, { command }: ErrorContext): Explanation {
  const program = detail || command || ''
  if (errnoName === 'EACCES') {
    return {
      code: 'ERR_COMMAND_NOT_EXECUTABLE',
      message: `Cannot run "${program}": it is not executable for this user`,
      hint: 'Give it the x bit, or name its interpreter as the command',
    }
  }
  if (errnoName === 'ENOEXEC') {
    return {
      code: 'ERR_COMMAND_NOT_EXECUTABLE',
      message: `Cannot run "${program}": neither a program of this architecture nor a script with "#!"`,
      hint: 'Begin the script with its interpreter, as in "#!/bin/sh"',
    }
  }
  if (errnoName === 'ENOENT' || errnoName === 'ENOTDIR') {
    // The keeper's detail is the path that it looked at, or "name in PATH".
    const searched =
      command !== undefined && detail.startsWith(`${command} in `) ? detail.slice(command.length) : undefined
    return {
      code: 'ERR_COMMAND_NOT_FOUND',
      message: `Cannot run "${searched === undefined ? program : command}": no such program${searched ?? ' in the container'}`,
      hint: 'Check the name and the PATH of the container; the host image has only what this machine has installed',
    }
  }
  if (errnoName === 'EAGAIN') {
    return {
      code: 'ERR_STEP_FAILED',
      message: `Cannot run "${program}": the container has as many processes as its limit allows`,
      hint: 'Raise the limit "nproc", or wait until some have ended',
    }
  }
  const hint = errnoName === 'E2BIG' ? 'Pass large data as a file instead of arguments or environment' : 'See execve(2)'
  return { code: 'ERR_COMMAND_NOT_EXECUTABLE', message: `Cannot run "${program}": ${errnoName}`, hint }
}

function explainRlimit({ errnoName, planStep, message }: StepError): Explanation {
  const [resource, soft, hard] = planStep?.args ?? []
  const name = rlimitNames[Number(resource)]
  if (errnoName !== 'EPERM' || name === undefined) {
    return { code: 'ERR_STEP_FAILED', message: `Cannot set a limit: ${message}`, hint: 'Check the rlimits option' }
  }
  return {
    code: 'ERR_INVALID_OPTION',
    message: `Cannot set the limit "${name}" to ${String(soft)}:${String(hard)}: it is above the hard limit of this process`,
    hint: 'Ask for less, or raise the hard limit of this account (ulimit -H, /etc/security/limits.conf)',
  }
}

function missingSource({ detail, errnoName }: StepError): Explanation {
  return {
    code: 'ERR_SOURCE_MISSING',
    message: `Cannot open "${detail}" on the host: ${errnoName}`,
    hint: 'Check that it exists and that you may read it; paths of the host are meant here',
  }
}

function explainAttach({ detail, errnoName }: StepError): Explanation | undefined {
  if (/\/(proc|sys|dev)(\/|$|:| )/.test(detail) && ['ELOOP', 'ENOTDIR', 'EINVAL'].includes(errnoName)) {
    return {
      code: 'ERR_UNSAFE_ROOT',
      message: `Cannot mount on "${detail}": the root has a link or a file where that directory belongs`,
      hint: 'Replace it by an empty directory in the root file system',
    }
  }
  if (errnoName === 'EROFS') {
    return {
      code: 'ERR_INVALID_OPTION',
      message: `Cannot mount on "${detail}": it is not there, and cannot be made in a read-only part of the root`,
      hint: 'In the host image mount on a directory that exists, as /mnt, or below /tmp, /run or the working directory',
    }
  }
  return undefined
}

function explainDirectory(error: StepError, { workdir }: ErrorContext): Explanation {
  if (error.errnoName === 'EROFS' || error.errnoName === 'EINVAL') return explainPlacing(error)
  return {
    code: error.detail === workdir ? 'ERR_WORKDIR_MISSING' : 'ERR_STEP_FAILED',
    message: `Cannot make the directory "${error.detail}" in the container: ${error.errnoName}`,
    hint: 'Something of that path is a file, or belongs to the sandbox: choose another directory',
  }
}

function explainPlacing({ detail, errnoName, message }: StepError): Explanation {
  if (errnoName === 'EINVAL') {
    return {
      code: 'ERR_STEP_FAILED',
      message: `Cannot place "${detail}" with that owner: ${errnoName}`,
      hint: 'The owner is an ID outside the mapping: "airplant doctor" shows how many IDs there are',
    }
  }
  if (errnoName !== 'EROFS')
    return { code: 'ERR_STEP_FAILED', message: `Cannot place a file: ${message}`, hint: 'Check the target' }
  return {
    code: 'ERR_STEP_FAILED',
    message: `Cannot place "${detail}": that part of the container is read-only`,
    hint: 'In the host image place files under /tmp, /run or the working directory, or mount a tmpfs',
  }
}

function diskFull({ what, detail }: StepError): Explanation {
  return {
    code: 'ERR_DISK_FULL',
    message: `Cannot go on with "${what}": no space left${detail ? ` (${detail})` : ''}`,
    hint: 'Free space where the state directory is, or set AIRPLANT_STATE_DIR to another file system',
  }
}

function quoteBeforeColon(detail: string): string {
  const [file = '', interpreter] = detail.split(': ')
  return interpreter ? `"${file}" ("${interpreter}")` : `"${file}"`
}
