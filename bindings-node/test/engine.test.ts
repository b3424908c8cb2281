import path from 'node:path'
import { expect, test } from 'vitest'
import {
  approve,
  ConflictError,
  Engine,
  type EngineEvent,
  type Event,
  InvalidError,
  NotFoundError,
  parameter,
  script,
} from 'windlass'
import { opened, pipelineOf, refused, scriptOf, temporary } from './support.js'

test('a run is started, followed by its events and waited for', async () => {
  const engine = await opened()
  const pipeline = pipelineOf([script('unit', 'echo "hello $TARGET"')], {
    parameters: [parameter('TARGET', { dynamic: true, default: 'dev' })],
  })
  const run = await engine.start(pipeline, { parameters: { TARGET: 'prod' }, actor: 'ana' })
  const events: Event[] = []
  for await (const event of run.events()) events.push(event)

  const outcome = await run.wait()
  expect(outcome).toMatchObject({ status: 'succeeded', number: 1, pipeline: 'test', actor: 'ana', id: run.id })
  expect(outcome.tasks.map(({ task, status }) => [task, status])).toEqual([['unit', 'succeeded']])
  expect(await run.logs('unit')).toBe('hello prod\n')
  expect(events.map((event) => event.type)).toEqual([
    'runQueued',
    'runStarted',
    'taskStarted',
    'attemptStarted',
    'log',
    'attemptFinished',
    'taskFinished',
    'runFinished',
  ])
  expect(events.map((event) => event.seq)).toEqual([...events.map((event) => event.seq)].sort((a, b) => a - b))
})

test('events go on after a number', async () => {
  const engine = await opened()
  const run = await engine.start(scriptOf('true'))
  const all: Event[] = []
  for await (const event of run.events()) all.push(event)
  const rest: Event[] = []
  for await (const event of run.events({ after: all[2]!.seq })) rest.push(event)
  expect(rest).toEqual(all.slice(3))
})

test('aborting a wait leaves the run alone, and cancel ends it', async () => {
  const engine = await opened()
  const run = await engine.start(scriptOf('sleep 1000'))
  const controller = new AbortController()
  const waiting = run.wait({ signal: controller.signal })
  for await (const event of run.events()) if (event.type === 'attemptStarted') break
  controller.abort(new Error('the browser tab was closed'))
  await expect(waiting).rejects.toThrow('the browser tab was closed')
  expect(await run.status()).toBe('running')

  await run.cancel({ by: 'ana', reason: 'enough' })
  const outcome = await run.wait()
  expect(outcome.status).toBe('cancelled')
  const audit = await engine.audit({ run: run.id })
  expect(audit[0]).toMatchObject({ type: 'runCancelled', by: 'ana', reason: 'enough' })
})

test('aborting a stream of events ends the iteration and nothing else', async () => {
  const engine = await opened()
  const run = await engine.start(scriptOf('sleep 1000'))
  const controller = new AbortController()
  const following = (async () => {
    for await (const event of run.events({ signal: controller.signal })) {
      if (event.type === 'attemptStarted') controller.abort()
    }
  })()
  await expect(following).rejects.toThrow('aborted')
  expect(await run.status()).toBe('running')
  await run.cancel()
  await run.wait()
})

test('an approval is asked for and given', async () => {
  const engine = await opened()
  const run = await engine.start(pipelineOf([approve('sign-off', { message: 'Ship it?' }), script('ship', 'true')]))
  for await (const event of run.events()) {
    if (event.type === 'approvalRequested') {
      expect(event.message).toBe('Ship it?')
      await run.approve('sign-off', { by: 'ben', reason: 'looks good' })
    }
  }
  expect((await run.wait()).status).toBe('succeeded')
  const error = await refused(run.approve('sign-off', { by: 'ben' }))
  expect(error).toBeInstanceOf(ConflictError)
})

test('what failed is run again with the workspace as it was', async () => {
  const engine = await opened()
  const run = await engine.start(
    pipelineOf([script('make', 'echo made >> made.txt'), script('check', 'test -e allowed && cat made.txt')]),
  )
  expect((await run.wait()).status).toBe('failed')
  const refusedAgain = await refused(run.retry({ fromTask: 'nothing' }))
  expect(refusedAgain.code).toBe('noSuchTask')
  const again = await run.retry('fromFailed', { by: 'ana' })
  const outcome = await again.wait()
  expect(outcome.tasks[0]).toMatchObject({ task: 'make', status: 'succeeded', reused: { run: run.id } })
  expect(outcome.tasks[1]).toMatchObject({ task: 'check', status: 'failed', exitCode: 1, cause: { code: 'exitCode' } })
})

test('stored pipelines are created, changed, run and deleted', async () => {
  const engine = await opened()
  const stored = await engine.pipelines.create(scriptOf('echo one'), { by: 'ana' })
  expect(stored).toMatchObject({ name: 'test', version: 1, active: true, changedBy: 'ana' })
  const changed = await engine.pipelines.update(scriptOf('echo two'), stored.version, { by: 'ana' })
  expect(changed.version).toBe(2)
  const stale = await refused(engine.pipelines.update(scriptOf('echo three'), stored.version, { by: 'ben' }))
  expect(stale).toMatchObject({ code: 'staleVersion', staleVersion: { found: 2, savedBy: 'ana' } })
  expect((await engine.pipelines.history('test')).map(({ version }) => version)).toEqual([2, 1])
  expect((await engine.pipelines.version('test', 1)).definition.toJSON()).toEqual(scriptOf('echo one').check().toJSON())

  expect(await engine.pipelines.latestRun('test')).toBeNull()
  const run = await engine.pipelines.run('test', { actor: 'ben' })
  await run.wait()
  expect(await run.logs('unit')).toBe('two\n')
  expect((await engine.pipelines.latestRun('test'))?.id).toBe(run.id)
  await engine.pipelines.copy('test', 'copied')
  expect((await engine.pipelines.list()).map(({ name }) => name)).toEqual(['copied', 'test'])
  await engine.pipelines.deactivate('copied')
  expect((await engine.pipelines.list({ active: false })).map(({ name }) => name)).toEqual(['copied'])
  expect((await refused(engine.pipelines.run('copied'))).code).toBe('pipelineInactive')
  await engine.pipelines.delete('test', { runs: 'delete' })
  expect(await engine.runs()).toEqual([])
  expect(await refused(engine.pipelines.get('test'))).toBeInstanceOf(NotFoundError)
})

test('one stream has the events of everything', async () => {
  const engine = await opened()
  const before = await engine.newest()
  const run = await engine.start(scriptOf('true'), { actor: 'ana' })
  await run.wait()
  const controller = new AbortController()
  const seen: EngineEvent[] = []
  const types = ['runRequested', 'runFinished']
  try {
    for await (const event of engine.events({ after: before, filter: { types }, signal: controller.signal })) {
      seen.push(event)
      if (event.type === 'runFinished') controller.abort()
    }
  } catch (error) {
    expect(controller.signal.aborted, String(error)).toBe(true)
  }
  expect(seen.map((event) => event.type)).toEqual(types)
  expect((await refused(engine.events({ filter: { types: ['runFinishd'] } }).next())).message).toContain('runFinished')
})

test('logs are read, followed, searched and downloaded', async () => {
  const engine = await opened()
  const run = await engine.start(scriptOf('for i in 1 2 3; do echo "line $i"; done; printf "\\377\\n"'))
  const followed: Buffer[] = []
  for await (const piece of run.followLog('unit')) followed.push(piece)
  expect(Buffer.concat(followed)).toEqual(Buffer.from('line 1\nline 2\nline 3\n\xff\n', 'latin1'))
  await run.wait()
  expect((await run.log('unit', { from: 7, max: 6 })).toString()).toBe('line 2')
  expect((await run.tail('unit', { lines: 2 })).toString('latin1')).toBe('line 3\n\xff\n')
  expect(await run.search({ pattern: 'LINE [23]', regex: true, ignoreCase: true })).toMatchObject([
    { task: 'unit', line: 2, excerpt: 'line 2' },
    { task: 'unit', line: 3, excerpt: 'line 3' },
  ])
  expect((await engine.search({ pattern: 'line 1' })).matches).toHaveLength(1)
  const downloaded: Buffer[] = []
  for await (const piece of run.download()) downloaded.push(piece)
  expect(Buffer.concat(downloaded).toString()).toContain('line 2\n')
})

test('runs are listed, looked back at and deleted', async () => {
  const engine = await opened()
  const first = await engine.start(scriptOf('true'))
  const second = await engine.start(scriptOf('false'), { actor: 'ben' })
  await Promise.all([first.wait(), second.wait()])
  expect((await engine.runs()).map(({ id }) => id)).toEqual([second.id, first.id])
  expect((await engine.runs({ status: ['failed'] })).map(({ actor }) => actor)).toEqual(['ben'])
  expect((await engine.run('test#2')).id).toBe(second.id)
  expect((await engine.run(first.id)).number).toBe(1)
  expect((await first.at(0)).tasks[0]).toMatchObject({ status: 'pending' })
  expect((await first.timeline()).tasks[0]?.attempts).toHaveLength(1)
  await first.delete({ by: 'ana' })
  expect(await refused(first.summary())).toMatchObject({ kind: 'notFound', code: 'noSuchRun' })
})

test('an engine that is open keeps others out, and gives way when it is closed', async () => {
  const dataDir = path.join(temporary(), 'data')
  const engine = await Engine.open({ dataDir })
  expect((await refused(Engine.open({ dataDir }))).code).toBe('locked')
  await engine.close()
  expect((await refused(engine.start(scriptOf('true')))).code).toBe('engineClosed')
  await using again = await Engine.open({ dataDir })
  expect(again.recovered).toEqual([])
})

test('a run goes on while its engine is closed, and the next one takes it up', async () => {
  const folder = temporary()
  const dataDir = path.join(folder, 'data')
  const engine = await Engine.open({ dataDir, passEnv: ['GO'] })
  const go = path.join(folder, 'go')
  const run = await engine.start(scriptOf(`echo before; while [ ! -e ${go} ]; do sleep 0.05; done; echo after`))
  for await (const event of run.events()) if (event.type === 'log') break
  await engine.close()

  await using again = await Engine.open({ dataDir })
  expect(again.recovered).toEqual([run.id])
  const { writeFileSync } = await import('node:fs')
  writeFileSync(go, '')
  const taken = await again.run(run.id)
  expect((await taken.wait()).status).toBe('succeeded')
  expect(await taken.logs('unit')).toBe('before\nafter\n')
})

test('a backup is a data directory', async () => {
  const engine = await opened()
  const run = await engine.start(scriptOf('echo kept'))
  await run.wait()
  const backup = path.join(temporary(), 'backup')
  expect(await engine.backup(backup, { by: 'nightly' })).toMatchObject({ path: backup, runs: 1 })
  await using copy = await Engine.open({ dataDir: backup })
  expect(await (await copy.run(run.id)).logs('unit')).toBe('kept\n')
})

test('an engine ends in good order', async () => {
  const engine = await opened()
  const run = await engine.start(scriptOf('true'))
  expect(await engine.drain({ limit: '1m' })).toEqual({ finished: [run.id], leftRunning: [] })
  expect(await engine.shutdown('leaveRunning')).toEqual({ finished: [], leftRunning: [] })
})

test('wrong options and types are told with their place', async () => {
  const engine = await opened()
  const strange = await refused(engine.start(scriptOf('true'), { parameters: { A: (() => 1) as never } }))
  expect(strange).toMatchObject({ code: 'badOption', problems: [{ path: 'parameters.A' }] })
  const run = await engine.start(scriptOf('true'))
  expect(await refused(run.approve(7 as never))).toMatchObject({ problems: [{ path: 'task' }] })
  expect(await refused(run.cancel({ bye: 'ana' } as never))).toBeInstanceOf(InvalidError)
  expect(await refused(engine.runs({ status: ['done'] as never }))).toMatchObject({
    problems: [{ path: 'status[0]' }],
  })
  expect(await refused(Engine.open({ maxTasks: Number.NaN }))).toMatchObject({ problems: [{ path: 'maxTasks' }] })
  const definition = pipelineOf([{ name: 'unit', script: 'true', imag: 'x' } as never])
  const wrong = await refused(engine.start(definition))
  expect(wrong).toMatchObject({ code: 'invalidPipeline', problems: [{ suggestion: 'image' }] })
  expect(wrong.problems[0]?.path).toContain('stages[0].tasks[0]')
})
