// The conformance suite of executors over one written in TypeScript: the clean room of the examples.

import { describe, expect, test } from 'vitest'
import { executorConformanceCases, runExecutorConformance } from 'windlass/testing'
import { CleanRoom } from '../examples/executor/clean-room.js'
import { temporary } from './support.js'

/**
 * The cases that the clean room of the Rust examples passes as well; the others are about capabilities that it does not claim, or
 * about shells other than `sh`. Left out beside them is `secret_files_go_with_the_step`: when a stop gives a step no time at all,
 * the engine does not wait for JavaScript to remove its files.
 */
const CASES = [
  'exit_codes',
  'signals',
  'arguments_reach_the_program',
  'secrets_reach_the_step',
  'standard_input_is_empty',
  'output_order',
  'offsets',
  'growing',
  'awkward_bytes',
  'long_line',
  'much_output',
  'early_first_byte',
  'forgotten',
  'started_once',
  'started_again_after_the_end',
  'parallel_steps',
  'ended_long_ago',
  'unknown_step',
  'graceful_stop',
  'stop_before_start',
  'shared_workspace',
  'isolated_workspaces',
  'own_empty_workspace',
  'outputs',
  'source_is_copied',
  'lost_workspace',
  'files_in_and_out',
  'archives_cannot_leave',
  'paths_cannot_leave',
  'links_cannot_lead_out',
  'released_runs',
  'swept_runs',
]

describe('the clean room keeps the contract', () => {
  test.each(CASES)('%s', async (name) => {
    expect(executorConformanceCases()).toContain(name)
    await runExecutorConformance(name, new CleanRoom(), { folder: temporary(), keepsWorkspaces: true })
  })

  test('and a broken executor does not', async () => {
    const broken = { run: () => ({ code: 1 }) }
    const suite = runExecutorConformance('exit_codes', broken, { folder: temporary(), keepsWorkspaces: true })
    await expect(suite).rejects.toThrow('Code')
  })
})
