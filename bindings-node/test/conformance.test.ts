// The conformance suite of executors over one written in TypeScript: the clean room of the examples.

import { describe, expect, test } from 'vitest'
import { executorConformanceCases, runExecutorConformance } from 'windlass/testing'
import { CleanRoom } from '../examples/executor/clean-room.js'
import { temporary } from './support.js'

/** What the clean room does not promise: it is an example, and says so. */
const BEYOND = [
  // It runs scripts by `sh -c` and not from a file, so that a script cannot choose its own interpreter.
  'shells',
  'bad_interpreter',
  'not_executable',
  // Arguments of a program are limited by what the system takes at once.
  'large_variables',
]

describe('the clean room keeps the contract', () => {
  test.each(executorConformanceCases().filter((name) => !BEYOND.includes(name)))('%s', async (name) => {
    await runExecutorConformance(name, new CleanRoom(), { folder: temporary(), keepsWorkspaces: true })
  })

  test('and a broken executor does not', async () => {
    const broken = { run: () => ({ code: 1 }) }
    const suite = runExecutorConformance('exit_codes', broken, { folder: temporary(), keepsWorkspaces: true })
    await expect(suite).rejects.toThrow('Code')
  })
})
