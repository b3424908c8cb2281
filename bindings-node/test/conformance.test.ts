// The conformance suite of executors over one written in TypeScript: the clean room of the examples.

import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ActionContext, custom, type Executor, type StepKey, script } from 'windlass'
import { executorConformanceCases, runExecutorConformance } from 'windlass/testing'
import { CleanRoom } from '../examples/executor/clean-room.js'
import { PlainExecutor } from './plain-executor.js'
import { gate, opened, pipelineOf, temporary } from './support.js'

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

/** What the plain executor does not promise: it has no shim, unpacks with the system's `tar`, and keeps no workspaces. */
const LEFT_OUT = [
  'missing_program',
  'not_executable',
  'bad_interpreter',
  'awkward_variables',
  'large_variables',
  'names_that_cannot_be',
  'reopened_outputs',
  'environment_is_exact',
  'hidden_descendants_are_stopped',
  'leftovers_are_stopped',
  'shells',
  'source_is_copied',
  'archives_cannot_leave',
  'links_cannot_lead_out',
]
const promised = executorConformanceCases().filter((name) => !LEFT_OUT.includes(name) && !/kept|keep|adopt/.test(name))

describe('an executor in its whole form keeps the contract', () => {
  test.each(promised)('%s', async (name) => {
    const executor = new PlainExecutor(temporary())
    await runExecutorConformance(name, executor, { folder: temporary(), keepsWorkspaces: false })
  })

  test.each(['exit_codes', 'signals', 'graceful_stop'])('and a forgetful one does not: %s', async (name) => {
    const executor: Executor = new PlainExecutor(temporary())
    const wait = executor.wait.bind(executor)
    executor.wait = async (step) => ({ ...(await wait(step)), end: { code: 0 } })
    const suite = runExecutorConformance(name, executor, { folder: temporary(), keepsWorkspaces: false })
    await expect(suite).rejects.toThrow()
  })

  test('and what it tells of a step stands in its log', async () => {
    const plain = new PlainExecutor(path.join(temporary(), 'runs'))
    const started = gate<StepKey>()
    const heard = gate<void>()
    const talkative: Executor = Object.assign(plain, {
      capabilities: { images: true },
      ignores: ['user'] as const,
      async *observe() {
        yield { told: { step: await started.promise, line: 'half of the image is there' } }
        // Who asks for the next event has dealt with this one.
        heard.resolve()
      },
      async start(...[step, secrets]: Parameters<Executor['start']>) {
        await PlainExecutor.prototype.start.call(plain, step, secrets)
        started.resolve(step.key)
      },
      async wait(step: StepKey) {
        await heard.promise
        return PlainExecutor.prototype.wait.call(plain, step)
      },
      serviceLogs: async () => Buffer.from('db: ready\n'),
    })
    const engine = await opened({ executors: { talkative } })
    const container = { user: '7', platform: 'linux/amd64' }
    const task = script('t', 'echo made', { container, services: [{ name: 'db', image: 'postgres' }] })
    const run = await engine.start(pipelineOf([task], { keepWorkspace: '0s' }))
    expect((await run.wait()).status).toBe('succeeded')
    const log = await run.logs('t')
    expect(log).toMatch(/^made$/m)
    expect(log).toContain('half of the image is there')
    expect(log).toContain('db: ready')
    expect(log).toContain('does nothing with what `container` says of: user')
    expect(log).not.toContain('platform')
  })

  test('and an engine works with it', async () => {
    const plain = new PlainExecutor(path.join(temporary(), 'runs'))
    const look = {
      async run(context: ActionContext) {
        await context.writeFile('copy', await context.readFile('file', 100))
        await context.logBytes(await context.readFile('copy', 100))
      },
    }
    const engine = await opened({ executors: { plain }, actions: { look } })
    const tasks = [
      // Only a log that is worth it is forgotten before the end of the run.
      script('make', 'head -c 20000 /dev/zero; echo made; echo made > file'),
      custom('look', 'look'),
      script('fail', 'echo before; exit 3'),
    ]
    const run = await engine.start(pipelineOf(tasks, { keepWorkspace: '0s' }))
    const outcome = await run.wait()
    expect(outcome.tasks.map(({ exitCode }) => exitCode)).toEqual([0, null, 3])
    expect([await run.logs('make'), await run.logs('look'), await run.logs('fail')]).toEqual([
      `${'\0'.repeat(20_000)}made\n`,
      'made\n',
      'before\n',
    ])
    const hanging = await engine.start(pipelineOf([script('hang', 'echo on; exec sleep 600')]))
    for await (const event of hanging.events()) if (event.type === 'log') await hanging.cancel({ by: 'ana' })
    expect((await hanging.wait()).status).toBe('cancelled')
    expect(plain.calls).toEqual(expect.arrayContaining(['prepare', 'forget', 'release', 'sweep']))
  })
})
