import { describe, expect, test } from 'vitest'
import { approve, custom, Editor, InvalidError, parameter, script, stage } from 'windlass'
import { PipelineTest, Script, ScriptedExecutor, VirtualClock } from 'windlass/testing'
import { opened, pipelineOf, refused } from './support.js'

const web = pipelineOf(
  [
    script('unit', 'make test', { retry: { attempts: 2 }, outputs: ['COVERAGE'], timeout: '1h' }),
    approve('sign-off', { message: 'Ship ${BUILD_NUMBER}?' }),
    script('ship', './ship', { env: { GIVEN: '${unit.COVERAGE}' }, when: "TARGET == 'prod'" }),
  ],
  { parameters: [parameter('TARGET', { dynamic: true, default: 'dev' })] },
)

test('a day of a pipeline passes in a moment', async () => {
  const outcome = await new PipelineTest(web)
    .parameter('TARGET', 'prod')
    .task('unit', Script.fails(1).after('5m').log('flaky'), Script.succeeds().log('3 passed').output('COVERAGE', '93'))
    .approve('sign-off', { after: '23h', by: 'ana' })
    .run()
  outcome.assertSucceeded().assertOrder('unit', 'sign-off', 'ship')
  outcome.assertTask('unit').attempts(2).output('COVERAGE', '93').printed('passed')
  outcome.assertTask('ship').env('GIVEN', '93')
  expect(outcome.log('unit')).toBe('3 passed\n')
  expect(outcome.calls.map(({ task, attempt }) => [task, attempt])).toEqual([
    ['unit', 1],
    ['unit', 2],
    ['ship', 1],
  ])
  expect(outcome.tookMs).toBeGreaterThanOrEqual(23 * 3600 * 1000)
})

test('assertions say what happened instead', async () => {
  const outcome = await new PipelineTest(web).reject('sign-off', { by: 'ben', reason: 'no' }).run()
  outcome.assertFailed().assertSkipped('ship')
  const error = await refused(() => outcome.assertSucceeded())
  expect(error.code).toBe('assertion')
  expect(error.message).toContain('sign-off')
  expect((await refused(() => outcome.assertTask('unti').attempts(1))).message).toContain('unti')
})

test('mistakes of a test are told', async () => {
  expect(await refused(new PipelineTest(web).task('unti', Script.succeeds()).run())).toMatchObject({
    code: 'noSuchTask',
  })
  expect(await refused(new PipelineTest(web).run())).toMatchObject({ code: 'approvalUnanswered' })
  expect(await refused(new PipelineTest(web).cancelAfter('soon').run())).toBeInstanceOf(InvalidError)
})

test('an action of the program runs in a test', async () => {
  const outcome = await new PipelineTest(pipelineOf([custom('tell', 'notify', { room: 'dev' })]))
    .action('notify', { run: (context) => context.log(`to ${context.settings.room}`) })
    .run()
  outcome.assertSucceeded().assertTask('tell').printed('to dev')
})

test('virtual time stands still while an action works, and goes on while it waits', async () => {
  const aMoment = () => new Promise((resolve) => setTimeout(resolve, 50))
  const outcome = await new PipelineTest(pipelineOf([custom('tell', 'notify', {}, { timeout: '2h' })]))
    .action('notify', {
      run: async (context) => {
        await aMoment()
        await Promise.all([context.sleep(1_800_000), context.sleep(3_600_000)])
        await aMoment()
        await context.log('told')
      },
    })
    .run()
  outcome.assertSucceeded().assertTask('tell').printed('told')
  expect(outcome.tookMs).toBeGreaterThanOrEqual(3_600_000)
  expect(outcome.tookMs).toBeLessThan(7_200_000)
})

test('an action that looks at its signal is stopped in virtual time', async () => {
  const outcome = await new PipelineTest(pipelineOf([custom('tell', 'notify', {}, { timeout: '2h' })]))
    .action('notify', {
      run: ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    })
    .run()
  outcome.assertFailed()
  expect(outcome.tookMs).toBeGreaterThanOrEqual(7_200_000)
})

test('an engine takes its time from a clock that the test drives', async () => {
  const clock = new VirtualClock()
  const scripted = new ScriptedExecutor(clock, { unit: [Script.fails(1), Script.succeeds().after('2h')] })
  const engine = await opened({ clock, executors: { scripted } })
  const run = await engine.start(pipelineOf([script('unit', 'true', { retry: { attempts: 2 } })]))
  for await (const event of run.events()) if (event.type === 'attemptStarted' && event.attempt === 2) break
  await clock.untilSleepers(1)
  expect(await run.status()).toBe('running')
  await clock.advance('2h')
  expect((await run.wait()).status).toBe('succeeded')
  expect(scripted.started('unit')).toBe(2)
  expect(clock.elapsedMs).toBeGreaterThanOrEqual(2 * 3600 * 1000)
})

describe('an editor', () => {
  test('makes steps, takes them back and tells what is wrong', async () => {
    const editor = new Editor(pipelineOf([script('unit', 'true')]))
    const added = editor.apply({ edit: 'addStage', settings: { name: 'Deploy' } })
    expect(added).toMatchObject({ subject: { stage: 'Deploy' }, canUndo: true, isChanged: true, problems: [] })
    const task = script('ship', 'true', { needs: ['unti'] })
    expect(editor.apply({ edit: 'addTask', to: { stage: 'Deploy' }, task }).problems).toMatchObject([
      { suggestion: 'unit' },
    ])
    expect(editor.undo().definition.stages[1]).toEqual(stage('Deploy', { tasks: [] }))
    expect(editor.redo().canRedo).toBe(false)
    expect(editor.reset().isChanged).toBe(false)
    expect(await refused(() => editor.apply({ edit: 'deleteTask', task: 'nothing' }))).toMatchObject({
      kind: 'notFound',
    })
    expect(editor.definition.name).toBe('test')
  })
})
