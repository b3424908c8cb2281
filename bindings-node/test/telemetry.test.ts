import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Engine, Metrics, setLogger } from 'windlass'
import { gate, opened, scriptOf, temporary } from './support.js'

const SAID = 'other processes cannot control this engine'

/** A data directory in whose place for the control socket a folder stands, of which an engine warns. */
async function blocked(): Promise<string> {
  const dataDir = path.join(temporary(), 'data')
  await (await Engine.open({ dataDir, control: false })).close()
  mkdirSync(path.join(dataDir, 'control.sock'))
  writeFileSync(path.join(dataDir, 'control.sock', 'in the way'), '')
  return dataDir
}

/** A logger that keeps what it is told, and says when that has come for which it waits. */
function listening(until: string) {
  const said: [string, string][] = []
  const { promise: heard, resolve } = gate<void>()
  const take = (level: string) => (message: string) => {
    said.push([level, message])
    if (message.includes(until)) resolve()
  }
  onTestFinished(() => setLogger(null))
  return { said, heard, logger: { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') } }
}

test('what the core warns of comes to the logger of the program', async () => {
  const dataDir = await blocked()
  const { said, heard, logger } = listening(SAID)
  setLogger(logger)
  await using _engine = await Engine.open({ dataDir })
  await heard
  // A machine that is busy gives engines other things to warn of.
  const [[level, message], ...more] = said.filter(([, message]) => message.includes(SAID)) as [[string, string]]
  expect([level, more]).toEqual(['warn', []])
  expect(message).toMatch(/^windlass\.engine\.builder\.open: /)
  expect(message).toContain(dataDir)
})

test('what nobody wants does not', async () => {
  const first = listening('')
  setLogger(first.logger, { level: 'error' })
  await (await Engine.open({ dataDir: await blocked() })).close()
  // Records come in their order: when one of a later engine has come, none is on its way.
  const second = listening(SAID)
  setLogger(second.logger)
  await using _engine = await Engine.open({ dataDir: await blocked() })
  await second.heard
  expect(first.said).toEqual([])
  expect(second.said.filter(([, message]) => message.includes(SAID))).toHaveLength(1)
})

test('metrics are there as text', async () => {
  const metrics = new Metrics()
  const engine = await opened()
  const run = await engine.start(scriptOf('true'))
  await run.wait()
  await engine.shutdown({ drain: {} })
  const text = metrics.text()
  // There is one for the whole process.
  const lines = (text: string) => text.split('\n').sort()
  expect(lines(new Metrics().text())).toEqual(lines(text))
  expect(text).toMatch(/^# TYPE windlass_task_results counter$/m)
  expect(text).toMatch(/^windlass_task_results\{[^}]*windlass_task_state="succeeded"[^}]*\} 1$/m)
  expect(text).toMatch(/^cicd_pipeline_run_duration_count\{[^}]*cicd_pipeline_result="success"[^}]*\} 1$/m)
})
