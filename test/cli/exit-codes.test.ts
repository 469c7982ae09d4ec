import { expect, test } from 'vitest'
import { errorExitCode, programExitCode } from '../../src/cli/exit-codes.ts'
import { AirplantError, type ErrorCode } from '../../src/errors.ts'

test('errors have the exit codes of docker', () => {
  const code = (name: ErrorCode): number => errorExitCode(new AirplantError({ code: name, message: '' }))
  expect(code('ERR_COMMAND_NOT_FOUND')).toBe(127)
  expect(code('ERR_COMMAND_NOT_EXECUTABLE')).toBe(126)
  expect(code('ERR_INTERPRETER_MISSING')).toBe(126)
  expect(code('ERR_INVALID_OPTION')).toBe(125)
  expect(errorExitCode(new Error('x'))).toBe(125)
})

test('a signal is 128 and its number', () => {
  expect(programExitCode({ exitCode: 3, signal: null })).toBe(3)
  expect(programExitCode({ exitCode: null, signal: 'SIGTERM' })).toBe(143)
  expect(programExitCode({ exitCode: null, signal: 'SIGRTMIN+1' })).toBe(163)
})
