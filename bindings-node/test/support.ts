import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { Engine, Pipeline, type PipelineDocument, script, stage, type TaskDocument, WindlassError } from 'windlass'

/** A folder of the test's own, gone after it. */
export function temporary(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'windlass-node-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** An engine of the test's own, closed after it. */
export async function opened(options: Parameters<typeof Engine.open>[0] = {}): Promise<Engine> {
  const folder = temporary()
  const engine = await Engine.open({ dataDir: path.join(folder, 'data'), ...options })
  onTestFinished(() => engine.close())
  return engine
}

/** A pipeline of one stage. */
export function pipelineOf(tasks: TaskDocument[], options: Partial<PipelineDocument> = {}): Pipeline {
  return new Pipeline('test', { stages: [stage('Test', { tasks })], ...options })
}

/** A pipeline of one script. */
export function scriptOf(text: string): Pipeline {
  return pipelineOf([script('unit', text)])
}

/** The error with which something ends. */
export async function refused(work: Promise<unknown> | (() => unknown)): Promise<WindlassError> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    if (error instanceof WindlassError) return error
    throw error
  }
  throw new Error('it was not refused')
}

/** Something that is waited for until somebody says it. */
export function gate<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((open) => {
    resolve = open
  })
  return { promise, resolve }
}
