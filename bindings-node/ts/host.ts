// How the core calls what this program brings: executors, actions, providers of credentials. One function each, which answers
// with a promise and never throws.

import type { ActionContext, AnyAction } from './action.js'
import { ActionError } from './action.js'
import type { Credential, CredentialTest, SecretProvider } from './credential.js'
import { WindlassError } from './errors.js'
import {
  type Executor,
  ExecutorError,
  type RunScope,
  type SimpleExecutor,
  type StepKey,
  type StepSecrets,
  type StepSpec,
} from './executor.js'
import type { KnownExecutor } from './executors.js'
import { encode } from './json.js'
import { call as callCore, callNow, type HostAnswer, type NativeContext, type Plugin } from './native.js'
import { type ScriptedStandIn, scriptedBrand } from './stand-in.js'
import { bytes as bytesOf } from './stream.js'

type Operations = Record<
  string,
  (request: never, context: NativeContext | null) => Promise<Partial<HostAnswer>> | Partial<HostAnswer>
>

/** Calls that go on, each with the way to tell it that it is wanted no longer. */
class Calls {
  readonly #going = new Map<number, AbortController>()

  async run<T>(number: number, work: (signal: AbortSignal) => Promise<T> | T): Promise<T> {
    const controller = new AbortController()
    this.#going.set(number, controller)
    try {
      return await work(controller.signal)
    } finally {
      this.#going.delete(number)
    }
  }

  cancel(number: number): void {
    this.#going.get(number)?.abort(new DOMException('the run wants it no longer', 'AbortError'))
  }
}

function failed(error: unknown): Partial<HostAnswer> {
  if (error instanceof ExecutorError || error instanceof ActionError) {
    const { kind, code, message, advice } = error
    return { failed: JSON.stringify({ kind, code, message, advice }) }
  }
  const thrown = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const advice = error instanceof Error && error.stack !== undefined ? `it was thrown here: ${error.stack}` : ''
  return { failed: JSON.stringify({ kind: 'thrown', code: 'thrown', message: thrown, advice }) }
}

function plugin(kind: Plugin['kind'], name: string, about: unknown, operations: Operations): Plugin {
  const call: Plugin['call'] = async (operation, request, _bytes, context) => {
    try {
      const answer = await operations[operation]?.(JSON.parse(request) as never, context)
      return { json: undefined, bytes: undefined, failed: undefined, ...answer }
    } catch (error) {
      return { json: undefined, bytes: undefined, ...failed(error) } as HostAnswer
    }
  }
  return { kind, name, about: encode(about, 'open'), call }
}

function json(value: unknown): Partial<HostAnswer> {
  return { json: encode(value === undefined ? null : value, 'answer') }
}

/** An executor under its name. One that has `prepare` is a whole one. */
export function executorPlugin(
  name: string,
  executor: SimpleExecutor | Executor | KnownExecutor | ScriptedStandIn,
): Plugin {
  if (scriptedBrand in executor) return plugin('scripted', name, executor[scriptedBrand], {})
  if ('prepare' in executor) return wholeExecutor(name, executor)
  if ('run' in executor) return simpleExecutor(name, executor)
  return plugin(executor.kind, name, executor.options, {})
}

function simpleExecutor(name: string, executor: SimpleExecutor): Plugin {
  const calls = new Calls()
  return plugin('simpleExecutor', name, executor.capabilities, {
    run: ({ call, step, secrets }: { call: number; step: StepSpec; secrets: CarriedSecrets }, context) =>
      calls.run(call, async (signal) =>
        json(await executor.run(step, stepContext(context!, signal, unpacked(secrets)))),
      ),
    cancel: ({ call }: { call: number }) => {
      calls.cancel(call)
      return {}
    },
  })
}

interface CarriedSecrets {
  env: Record<string, string>
  files: Record<string, string>
}

function unpacked({ env, files }: CarriedSecrets): StepSecrets {
  const bytes = Object.entries(files).map(([name, text]) => [name, Buffer.from(text, 'base64')] as const)
  return { env, files: Object.fromEntries(bytes) }
}

/** What comes after the end of a step, such as the last words of a process that was stopped, goes nowhere and hurts nobody. */
function beforeTheEnd(work: () => void): void {
  try {
    callNow(work)
  } catch (error) {
    if (!(error instanceof WindlassError && error.code === 'callOver')) throw error
  }
}

function stepContext(context: NativeContext, signal: AbortSignal, secrets: StepSecrets) {
  return {
    secrets,
    workspace: context.workspace(),
    signal,
    log: (text: string | Uint8Array) => beforeTheEnd(() => context.logNow(Buffer.from(text as Uint8Array))),
    setOutput: (outputs: Record<string, string> | Uint8Array) => {
      if (outputs instanceof Uint8Array) return beforeTheEnd(() => context.setOutput(Buffer.from(outputs)))
      const lines = Object.entries(outputs).map(([key, value]) => `${key}=${value}\n`)
      beforeTheEnd(() => context.setOutput(Buffer.from(lines.join(''))))
    },
  }
}

/** Async iterables that the core reads piece by piece, by numbers. */
class Streams {
  readonly #open = new Map<number, AsyncIterator<unknown>>()
  #last = 0

  open(iterable: AsyncIterable<unknown>): Partial<HostAnswer> {
    this.#last += 1
    this.#open.set(this.#last, iterable[Symbol.asyncIterator]())
    return json(this.#last)
  }

  async next(number: number): Promise<Partial<HostAnswer>> {
    const { done, value } = (await this.#open.get(number)?.next()) ?? { done: true, value: undefined }
    if (done === true) return json('done')
    return value instanceof Uint8Array ? { bytes: Buffer.from(value) } : json(value)
  }

  async close(number: number): Promise<void> {
    const iterator = this.#open.get(number)
    this.#open.delete(number)
    await iterator?.return?.()
  }
}

interface OfStep {
  step: StepKey
}
interface OfRun {
  run: string
}

function wholeExecutor(name: string, executor: Executor): Plugin {
  const streams = new Streams()
  const { capabilities, ignores } = executor
  const about = { capabilities, ...(ignores === undefined ? {} : { ignores }) }
  return plugin('executor', name, about, {
    prepare: async ({ scope }: { scope: RunScope }) => json(await executor.prepare(scope)),
    observe: ({ run }: OfRun) => streams.open(executor.observe?.(run) ?? nothing()),
    start: async ({ step, secrets }: { step: StepSpec; secrets: CarriedSecrets }) =>
      json(await executor.start(step, unpacked(secrets))),
    wait: async ({ step }: OfStep) => {
      const { output, ...exit } = await executor.wait(step)
      return { ...json(exit), ...(output === undefined ? {} : { bytes: Buffer.from(output) }) }
    },
    logs: ({ step, from }: OfStep & { from: number }) => streams.open(executor.logs(step, from)),
    serviceLogs: async ({ step }: OfStep) => {
      const said = await executor.serviceLogs?.(step)
      return said === undefined ? {} : { bytes: Buffer.from(said) }
    },
    stop: async ({ step, graceMs }: OfStep & { graceMs: number }) => json(await executor.stop(step, graceMs)),
    read: async ({ run, path }: OfRun & { path: string }) => streams.open(await executor.read(run, path)),
    write: async ({ run, path }: OfRun & { path: string }, context) =>
      json(await executor.write(run, path, pieces(context!))),
    forget: async ({ step }: OfStep) => json(await executor.forget(step)),
    release: async ({ run }: OfRun) => json(await executor.release(run)),
    keep: async ({ run, generation }: OfRun & { generation: number }) => {
      if (executor.keep !== undefined) return json(await executor.keep(run, generation))
      await executor.release(run)
      return json(false)
    },
    sweep: async ({ keep }: { keep: string[] }) => json(await executor.sweep(keep)),
    nextOfStream: ({ stream }: { stream: number }) => streams.next(stream),
    closeStream: async ({ stream }: { stream: number }) => {
      await streams.close(stream)
      return {}
    },
  })
}

async function* nothing(): AsyncGenerator<never> {}

async function* pieces(context: NativeContext): AsyncGenerator<Buffer> {
  for (;;) {
    const piece = await callCore(context.nextPiece())
    if (piece === null) return
    yield piece
  }
}

/** An action under its name. */
export function actionPlugin(name: string, action: AnyAction): Plugin {
  const calls = new Calls()
  const about = {
    checks: action.check !== undefined,
    ...(action.repeatable === undefined ? {} : { repeatable: action.repeatable }),
  }
  return plugin('action', name, about, {
    check: ({ settings }: { settings: unknown }) => json(action.check?.(settings) ?? []),
    run: ({ call, ...facts }: { call: number } & ActionFacts, context) =>
      calls.run(call, async (signal) => {
        const made = actionContext(facts, context!, signal)
        const outputs = await action.run(made.context)
        await made.logged()
        return json(outputs ?? null)
      }),
    cancel: ({ call }: { call: number }) => {
      calls.cancel(call)
      return {}
    },
  })
}

type ActionFacts = Pick<
  ActionContext,
  'settings' | 'variables' | 'run' | 'runNumber' | 'pipeline' | 'task' | 'attempt' | 'idempotencyKey' | 'resumed'
>

function actionContext(facts: ActionFacts, native: NativeContext, signal: AbortSignal) {
  // One after another, in the order of the calls, also when nobody waits for them.
  let last: Promise<void> = Promise.resolve()
  const log = (bytes: Buffer): Promise<void> => {
    last = last.then(() => callCore(native.log(bytes)))
    return last
  }
  const context: ActionContext = {
    ...facts,
    get signal() {
      native.listens()
      return signal
    },
    log: (line) => log(Buffer.from(line.endsWith('\n') ? line : `${line}\n`)),
    logBytes: (bytes) => log(Buffer.from(bytes)),
    sleep: (milliseconds) => callCore(native.sleep(milliseconds)),
    credential: async (name) => JSON.parse(await callCore(native.credential(name))),
    readFile: (path, max) => callCore(native.readFile(path, max)),
    writeFile: (path, content) => callCore(native.writeFile(path, Buffer.from(content as Uint8Array))),
    read: (path) => bytesOf(() => native.read(path)),
    write: (path, tar) => callCore(native.write(path, Buffer.from(tar))),
  }
  return { context, logged: () => last }
}

/** A provider of credentials. */
export function secretsPlugin(provider: SecretProvider): Plugin {
  return plugin('secrets', provider.name, undefined, {
    credential: async ({ name }: { name: string }) => json(await provider.credential(name)),
  })
}

/** A way of the program's own to try credentials on targets of a kind. */
export function credentialTestPlugin(kind: string, test: CredentialTest): Plugin {
  return plugin('credentialTest', kind, undefined, {
    test: async ({ name, credential, address }: { name: string; credential: Credential; address: string }) =>
      json(await test(name, credential, address)),
  })
}
