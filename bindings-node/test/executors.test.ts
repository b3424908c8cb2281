import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import {
  type Action,
  ActionError,
  custom,
  Engine,
  ExecutorError,
  type SimpleExecutor,
  type StepSpec,
  script,
} from 'windlass'
import { opened, pipelineOf, refused, temporary } from './support.js'

test('an executor of the program runs steps', async () => {
  const steps: StepSpec[] = []
  const executor: SimpleExecutor = {
    capabilities: { images: true },
    async run(step, context) {
      steps.push(step)
      context.log(`hello from ${step.key.task}\n`)
      context.setOutput({ ANSWER: '42' })
      expect(existsSync(context.workspace)).toBe(true)
      return { code: step.key.task === 'bad' ? 3 : 0 }
    },
  }
  const engine = await opened({ executors: { mine: executor } })
  expect(await engine.capabilities('mine')).toMatchObject({ images: true, reattach: false })
  expect(await engine.capabilities('other')).toBeNull()
  const run = await engine.start(
    pipelineOf([
      script('good', 'make test', { outputs: ['ANSWER'], image: 'node:20', env: { A: 'b' } }),
      script('bad', 'make ${good.ANSWER}', { env: { GIVEN: '${good.ANSWER}' } }),
    ]),
  )
  const outcome = await run.wait()
  expect(outcome.status).toBe('failed')
  expect(outcome.executor).toBe('mine')
  expect(outcome.tasks[0]).toMatchObject({ status: 'succeeded', outputs: { ANSWER: '42' } })
  expect(outcome.tasks[1]).toMatchObject({ status: 'failed', exitCode: 3 })
  expect(await run.logs('good')).toBe('hello from good\n')
  expect(steps[0]).toMatchObject({
    key: { run: run.id, task: 'good', attempt: 1 },
    command: { script: { text: 'make test', shell: null } },
    image: 'node:20',
    env: { A: 'b', CI: 'true' },
  })
  expect(steps[1]?.env.GIVEN).toBe('42')
})

test('what an executor throws fails the attempt, and the process lives', async () => {
  const executor: SimpleExecutor = {
    run(step) {
      if (step.key.task === 'mistake')
        throw ExecutorError.badStep('imageNotFound', 'there is no such image', 'push it first')
      if (step.key.task === 'nonsense') return { cod: 1 } as never
      throw new TypeError('the cloud is down')
    },
  }
  const engine = await opened({ executors: { mine: executor } })
  const causeOf = async (task: string) => {
    const run = await engine.start(pipelineOf([script(task, 'true')]))
    const outcome = await run.wait()
    expect(outcome.status).toBe('failed')
    return outcome.tasks[0]?.cause
  }
  expect(await causeOf('mistake')).toMatchObject({
    code: 'imageNotFound',
    message: 'there is no such image',
    advice: 'push it first',
  })
  const thrown = await causeOf('anything')
  expect(thrown?.code).toBe('thrown')
  expect(thrown?.message).toContain('TypeError: the cloud is down')
  expect((await causeOf('nonsense'))?.message).toContain('cod')
})

test('an executor hears of a cancel', async () => {
  let heard: unknown
  const executor: SimpleExecutor = {
    run: (_step, context) =>
      new Promise((resolve) => {
        context.log('working\n')
        context.signal.addEventListener('abort', () => {
          heard = context.signal.reason
          resolve({ signal: 15 })
        })
      }),
  }
  const engine = await opened({ executors: { mine: executor } })
  const run = await engine.start(pipelineOf([script('unit', 'true')]))
  for await (const event of run.events()) if (event.type === 'log') await run.cancel()
  expect((await run.wait()).status).toBe('cancelled')
  expect(heard).toMatchObject({ name: 'AbortError' })
})

test('an action of the program does its work in the engine', async () => {
  interface Note {
    room: string
    text: string
  }
  const notify: Action<Note> = {
    check: (settings) =>
      typeof (settings as Note).room === 'string' ? [] : [{ path: 'room', message: 'a room is wanted' }],
    async run(context) {
      void context.log(`to ${context.settings.room}`)
      await context.log(context.settings.text)
      await context.writeFile('notes/sent.txt', context.settings.text)
      expect((await context.readFile('notes/sent.txt', 100)).toString()).toBe(context.settings.text)
      expect(context.variables.CI).toBe('true')
      const { token } = (await context.credential('chat')) as { token: string }
      expect(token).toBe('s3cret-t0ken')
      return { ID: context.idempotencyKey }
    },
  }
  const engine = await opened({
    actions: { notify },
    secrets: [
      { name: 'vault', credential: (name) => (name === 'chat' ? { kind: 'token', token: 's3cret-t0ken' } : null) },
    ],
  })
  const run = await engine.start(
    pipelineOf([
      custom('tell', 'notify', { room: 'dev', text: 'run ${BUILD_NUMBER}' }, { outputs: ['ID'] }),
      script('read', 'cat notes/sent.txt'),
    ]),
  )
  const outcome = await run.wait()
  expect(outcome.status, JSON.stringify(outcome.tasks)).toBe('succeeded')
  expect(await run.logs('tell')).toBe('to dev\nrun 1\n')
  expect(await run.logs('read')).toBe('run 1')
  expect(outcome.tasks[0]?.outputs.ID).toContain(run.id)

  const wrong = await refused(engine.start(pipelineOf([custom('tell', 'notify', { rom: 'dev' })])))
  expect(wrong.problems).toMatchObject([{ path: 'stages[0].tasks[0].custom.with.room', message: 'a room is wanted' }])
})

test('an action fails as it says, and what else it throws fails the task', async () => {
  const actions: Record<string, Action> = {
    refuse: {
      run: async () => {
        throw ActionError.failed('noSuchRoom', 'there is no room dev', 'make one')
      },
    },
    stumble: {
      run: async () => {
        throw new RangeError('out of cheese')
      },
    },
    odd: { run: async () => ({ UNDECLARED: 'x' }) },
  }
  const engine = await opened({ actions })
  const causeOf = async (name: string) => {
    const run = await engine.start(pipelineOf([custom('tell', name)]))
    return (await run.wait()).tasks[0]?.cause
  }
  expect(await causeOf('refuse')).toMatchObject({ code: 'noSuchRoom', advice: 'make one' })
  expect((await causeOf('stumble'))?.message).toContain('RangeError: out of cheese')
  expect((await causeOf('odd'))?.code).toBe('badOutput')
})

test('credentials that the engine keeps reach steps, and nothing shows them', async () => {
  const secrets: unknown[] = []
  const mine: SimpleExecutor = {
    run(step, context) {
      secrets.push(context.secrets.env, JSON.stringify(step))
      context.log(`it is ${context.secrets.env.HOOK}\n`)
      return { code: 0 }
    },
  }
  const engine = await opened({ executors: { mine } })
  const value = 'https://chat.example/hooks/8f3a'
  expect(await engine.credentials.set('chat', { kind: 'opaque', values: { value } }, { by: 'ana' })).toEqual({
    created: true,
    unmasked: [],
  })
  expect(await engine.credentials.list()).toMatchObject([{ name: 'chat', kind: 'opaque', changedBy: 'ana' }])
  expect(await engine.credentials.open('chat')).toEqual({ kind: 'opaque', values: { value } })
  const run = await engine.start(pipelineOf([script('tell', 'true', { secrets: [{ name: 'HOOK', from: 'chat' }] })]))
  expect((await run.wait()).status).toBe('succeeded')
  expect(secrets[0]).toEqual({ HOOK: value })
  expect(secrets[1]).not.toContain(value)
  expect(await run.logs('tell')).not.toContain('8f3a')
  await engine.credentials.remove('chat', { by: 'ana' })
  expect(await refused(engine.credentials.open('chat'))).toMatchObject({ code: 'noSuchCredential' })
  expect((await engine.audit()).map(({ type }) => type)).toContain('credentialRemoved')
})

test('an action hears of a cancel', async () => {
  const wait: Action = {
    async run(context) {
      await context.log('waiting')
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
      throw ActionError.cancelled()
    },
  }
  const engine = await opened({ actions: { wait } })
  const run = await engine.start(pipelineOf([custom('wait', 'wait')]))
  for await (const event of run.events()) if (event.type === 'log') await run.cancel()
  expect((await run.wait()).status).toBe('cancelled')
})

test('an action is called again after a restart of the engine', async () => {
  const dataDir = path.join(temporary(), 'data')
  const calls: boolean[] = []
  const actions: Record<string, Action> = {
    twice: {
      async run(context) {
        calls.push(context.resumed)
        if (!context.resumed) {
          await context.log('first')
          await new Promise(() => {})
        }
      },
    },
  }
  const engine = await Engine.open({ dataDir, actions })
  const run = await engine.start(pipelineOf([custom('twice', 'twice')]))
  for await (const event of run.events()) if (event.type === 'log') break
  await engine.close()
  await using again = await Engine.open({ dataDir, actions })
  expect((await (await again.run(run.id)).wait()).status).toBe('succeeded')
  expect(calls).toEqual([false, true])
})
