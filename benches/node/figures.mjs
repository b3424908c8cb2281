// Figures of the npm package, each beside its floor in the same process. Not a test: a busy machine makes it slow.
// `scripts/figures` calls it from a folder with the installed package: node --expose-gc figures.mjs [--quick]
//
// - start: loading the package, beside loading an empty module
// - loop: how late a timer of 10 ms is while a run prints 1,000,000 lines and its events are read, beside the same timer while
//   nothing goes on
// - events: 100,000 events of a finished run streamed to JavaScript, beside `JSON.parse` of the same lines; and the memory after ten
//   such streams

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'

const require = createRequire(import.meta.url)
const { Engine, Pipeline, script, stage } = require('windlass')
const { ScriptedExecutor, VirtualClock } = require('windlass/testing')

const quick = process.argv.includes('--quick')
const printed = quick ? 1000 : 1_000_000
const folder = mkdtempSync(path.join(tmpdir(), 'windlass-figures-'))
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`)
const ms = (number) => `${number.toFixed(1)} ms`
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
const pipelineOf = (tasks) => new Pipeline('figures', { stages: [stage('S', { order: 'parallel', tasks })] })

/** How late a timer of 10 ms is until the work is done: median, 99th percentile, worst. */
async function lateness(work) {
  const late = []
  let expected = performance.now() + 10
  const timer = setInterval(() => {
    const now = performance.now()
    late.push(Math.max(0, now - expected))
    expected = now + 10
  }, 10)
  await work()
  clearInterval(timer)
  late.sort((a, b) => a - b)
  const at = (share) => late[Math.min(late.length - 1, Math.floor(late.length * share))] ?? 0
  return `${ms(at(0.5))}, ${ms(at(0.99))}, ${ms(late.at(-1) ?? 0)}`
}

function start() {
  const time = (text) => {
    const times = Array.from({ length: quick ? 3 : 11 }, () => {
      const before = performance.now()
      execFileSync(process.execPath, ['-e', text], { cwd: import.meta.dirname })
      return performance.now() - before
    })
    return median(times)
  }
  const [floor, found] = [time(''), time("require('windlass')")]
  row('start with the package, Node', `${ms(floor)} (an empty program)`, ms(found))
}

/** An engine that is closed at the end, also where Node knows no `await using` yet. */
async function withEngine(options, work) {
  const engine = await Engine.open({ control: false, ...options })
  try {
    await work(engine)
  } finally {
    await engine.close()
  }
}

async function loop() {
  const idle = await lateness(() => new Promise((resolve) => setTimeout(resolve, quick ? 200 : 2000)))
  await withEngine({ dataDir: path.join(folder, 'loop') }, async (engine) => {
    const text = `yes "$(printf "%0100d" 0)" | head -n ${printed}`
    let bytes = 0
    const before = performance.now()
    const busy = await lateness(async () => {
      const run = await engine.start(pipelineOf([script('print', text)]))
      for await (const event of run.events()) if (event.type === 'log') bytes += event.text.length
      await run.wait()
    })
    const took = performance.now() - before
    row(
      'lateness of a 10 ms timer: median, p99, worst, Node',
      `${idle} (idle)`,
      `${busy} (${printed} lines, ${bytes} bytes of events in ${ms(took)})`,
    )
  })
}

async function events() {
  const clock = new VirtualClock()
  const executors = { scripted: new ScriptedExecutor(clock, {}) }
  await withEngine({ dataDir: path.join(folder, 'events'), executors, clock, maxTasks: 1000 }, async (engine) => {
    const matrix = { A: Array.from({ length: quick ? 2 : 250 }, (_, index) => String(index)) }
    const tasks = Array.from({ length: quick ? 2 : 100 }, (_, index) => script(`t${index}`, 'true', { matrix }))
    const run = await engine.start(pipelineOf(tasks))
    await run.wait()
    const stream = async () => {
      let count = 0
      const before = performance.now()
      for await (const _ of run.events()) count += 1
      return { count, took: performance.now() - before }
    }
    const lines = []
    for await (const event of run.events()) lines.push(JSON.stringify(event))
    const parse = () => {
      const before = performance.now()
      for (const line of lines) JSON.parse(line)
      return performance.now() - before
    }
    const floor = median(Array.from({ length: 5 }, parse))
    const times = []
    const memory = []
    for (let round = 0; round < (quick ? 2 : 10); round += 1) {
      const { took } = await stream()
      times.push(took)
      globalThis.gc?.()
      memory.push(Math.round(process.memoryUsage().rss / 1024 / 1024))
    }
    const found = median(times)
    const rate = Math.round((lines.length / found) * 1000)
    row(
      `${lines.length} events streamed, Node`,
      `${ms(floor)} (JSON.parse of their lines)`,
      `${ms(found)}, ${rate} events a second`,
    )
    row('memory after each of ten such streams, Node', '', `${memory.join(', ')} MiB`)
  })
}

try {
  start()
  await loop()
  await events()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
