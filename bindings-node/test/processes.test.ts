// What a process is like that has Windlass in it.

import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { Engine } from 'windlass'
import { temporary } from './support.js'

const run = promisify(execFile)
const HERE = import.meta.dirname

/** Runs a program beside the tests, where it finds the installed package. */
async function program(text: string, kind: 'mjs' | 'cjs' = 'mjs') {
  const file = path.join(HERE, `program-${Math.random().toString(36).slice(2)}.${kind}`)
  writeFileSync(file, text)
  const dataDir = path.join(temporary(), 'data')
  return { ...(await run(process.execPath, [file, dataDir])), dataDir }
}

const START = `
const engine = await Engine.open({ dataDir: process.argv[2] })
const pipeline = new Pipeline('p', { stages: [stage('S', { tasks: [script('t', TEXT)] })] })
const run = await engine.start(pipeline)`

test('a process ends by itself when nothing is waited for, with an engine open and a run going on', async () => {
  const { dataDir, stdout } = await program(`
    import { Engine, Pipeline, script, stage } from 'windlass'
    const TEXT = 'sleep 2; echo survived'
    ${START}
    for await (const event of run.events()) if (event.type === 'attemptStarted') break
    console.log(run.id)`)
  await using engine = await Engine.open({ dataDir })
  const left = await engine.run(stdout.trim())
  expect((await left.wait()).status).toBe('succeeded')
  expect(await left.logs('t')).toBe('survived\n')
})

test('a process stays as long as a run is waited for', async () => {
  const { stdout } = await program(`
    import { Engine, Pipeline, script, stage } from 'windlass'
    const TEXT = 'sleep 0.5; echo done'
    ${START}
    run.wait().then((outcome) => console.log(outcome.status))`)
  expect(stdout).toBe('succeeded\n')
})

test('an executor of the program keeps no process alive', async () => {
  const { stdout } = await program(`
    import { Engine } from 'windlass'
    const executors = { mine: { run: () => new Promise(() => {}) } }
    await Engine.open({ dataDir: process.argv[2], executors })
    console.log('over')`)
  expect(stdout).toBe('over\n')
})

test('pipelines are tested with the runner of Node as well', async () => {
  const { stdout } = await program(`
    import assert from 'node:assert/strict'
    import { test } from 'node:test'
    import { Pipeline, script, stage } from 'windlass'
    import { PipelineTest, Script } from 'windlass/testing'
    const pipeline = new Pipeline('p', { stages: [stage('S', { tasks: [script('unit', 'make'), script('ship', './ship')] })] })
    test('a failed build ships nothing', async () => {
      const outcome = await new PipelineTest(pipeline).task('unit', Script.fails(1).after('5h')).run()
      outcome.assertFailed().assertSkipped('ship')
      assert.throws(() => outcome.assertSucceeded(), { code: 'assertion' })
    })`)
  expect(stdout).toMatch(/pass 1/)
  expect(stdout).toMatch(/fail 0/)
})

test('the quickstart runs from where the package is installed', async () => {
  const text = readFileSync(path.join(HERE, '../examples/quickstart/quickstart.ts'), 'utf8')
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
  const { stdout } = await program(ts.transpileModule(text, { compilerOptions }).outputText)
  expect(stdout).toContain('hi from a small test\n')
  expect(stdout).toContain('report| the run succeeded\n')
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('hello #1 succeeded')
})

test('CommonJS and modules have the same classes', async () => {
  const { stdout } = await program(
    `const one = require('windlass')
    import('windlass').then((two) => console.log(one.Engine === two.Engine, one.Pipeline === two.Pipeline,
      typeof require('windlass/testing').PipelineTest, Object.keys(one).every((name) => name in two)))`,
    'cjs',
  )
  expect(stdout).toBe('true true function true\n')
})

test('a worker thread has an engine of its own, and may end at any time', async () => {
  const dataDir = path.join(temporary(), 'data')
  const worker = (then: string) =>
    new Worker(
      `const { parentPort, workerData } = require('node:worker_threads')
      const { Engine, Pipeline, script, stage } = require(workerData.windlass)
      ;(async () => {
        const executors = { mine: { run: async (step, context) => { context.log('from the worker'); return { code: 0 } } } }
        const engine = await Engine.open({ dataDir: workerData.dataDir, executors })
        const pipeline = new Pipeline('p', { stages: [stage('S', { tasks: [script('t', 'true')] })] })
        const run = await engine.start(pipeline)
        const { status } = await run.wait()
        parentPort.postMessage([status, await run.logs('t')])
        ${then}
      })()`,
      { eval: true, workerData: { dataDir, windlass: require.resolve('windlass') } },
    )
  const { createRequire } = await import('node:module')
  const require = createRequire(import.meta.url)
  const ended = async (thread: Worker, act: () => unknown) => {
    const message = await new Promise((resolve, reject) => thread.once('message', resolve).once('error', reject))
    const exited = new Promise((resolve) => thread.once('exit', resolve))
    await act()
    await exited
    return message
  }
  const first = worker('await engine.close()')
  expect(await ended(first, () => {})).toEqual(['succeeded', 'from the worker'])
  // The second one is ended from outside with its engine open, which gives the data directory back.
  const second = worker('setInterval(() => {}, 1000)')
  expect(await ended(second, () => second.terminate())).toEqual(['succeeded', 'from the worker'])
  for (let opened: Engine | undefined; opened === undefined; ) {
    opened = await Engine.open({ dataDir }).catch((error) => {
      if (error.code !== 'locked') throw error
      return undefined
    })
    await opened?.close()
  }
})

test('a panic in the core becomes an error, and the process lives', async () => {
  const { stdout } = await program(`
    import { createRequire } from 'node:module'
    import { Engine, version } from 'windlass'
    const require = createRequire(import.meta.url)
    const { native, call } = require(require.resolve('windlass').replace('index.js', 'native.js'))
    try {
      await call(native.panicForTests())
    } catch (error) {
      console.log(error.name, error.code, error.message.includes('a test wants it'))
    }
    const engine = await Engine.open({ dataDir: process.argv[2] })
    await engine.close()
    console.log(version())`)
  expect(stdout).toMatch(/^InternalError panic true\n\d+\.\d+\.\d+\n$/)
})

test('the command line comes along', async () => {
  const bin = path.join(HERE, '../node_modules/.bin/windlass')
  const folder = temporary()
  const file = path.join(folder, 'ci.yaml')
  writeFileSync(file, 'name: c\nstages: [{name: S, tasks: [{name: t, script: echo hello}]}]\n')
  const dataDir = path.join(folder, 'data')
  const { stdout } = await run(bin, ['run', file, '--json', '--data-dir', dataDir])
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(events.at(-1)).toMatchObject({ type: 'runFinished', state: 'succeeded' })
  expect((await run(bin, ['logs', 'latest', 't', '--data-dir', dataDir])).stdout).toBe('hello\n')
  writeFileSync(file, 'name: c\nstagse: []\n')
  await expect(run(bin, ['validate', file])).rejects.toMatchObject({ code: 2 })
})
