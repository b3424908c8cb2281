import { existsSync } from 'node:fs'
import { type ErrorDetails, errorOf } from './errors.js'
import type { KnownExecutor } from './executors.js'
import { encode } from './json.js'

/** The parts of the core that this package calls. Everything is JSON, but for bytes. */
export interface Native {
  openEngine(options: string, plugins: Plugin[], clock?: number): Promise<NativeEngine>
  runPipelineTest(definition: string, options: string, plugins: Plugin[]): Promise<NativeTestOutcome>
  scriptedExecutor(options: string): NativeScripted
  executorConformance(plugin: Plugin, folder: string, keepsWorkspaces: boolean): NativeConformance
  executorConformanceCases(): string[]
  panicForTests(): Promise<void>
  connectControl(dataDir: string): Promise<NativeNoun>
  openReader(dataDir: string): NativeReader
  restore(backup: string, dataDir: string): Promise<string>
  plan(definition: string, options: string): string
  NativeClock: new () => NativeClock
  readDefinition(text: string, file: string): string
  readDefinitionFile(path: string): string
  checkDefinition(definition: string): string
  writeYaml(definition: string): string
  schema(): string
  version(): string
  listenToRecords(wake: (() => void) | null, level: string): void
  takeRecords(): string
  recordMetrics(): NativeMetrics
  openEditor(definition: string): NativeEditor
  commandLine(args: string[]): number
  NativeWait: new () => NativeWait
}

/** What JavaScript answers to the core. */
export interface HostAnswer {
  json: string | undefined
  bytes: Buffer | undefined
  failed: string | undefined
}

/** Something that the program brings. */
export interface Plugin {
  kind: 'simpleExecutor' | 'executor' | 'scripted' | 'action' | 'secrets' | 'credentialTest' | KnownExecutor['kind']
  name: string
  about: string
  call(operation: string, request: string, bytes: Buffer | null, context: NativeContext | null): Promise<HostAnswer>
}

/** What an executor or an action has to work with. */
export interface NativeContext {
  workspace(): string
  logNow(bytes: Buffer): void
  setOutput(bytes: Buffer): void
  log(bytes: Buffer): Promise<void>
  sleep(milliseconds: number): Promise<void>
  listens(): void
  credential(name: string): Promise<string>
  read(path: string): Promise<NativeBytes>
  write(path: string, tar: Buffer): Promise<void>
  readFile(path: string, max: number): Promise<Buffer>
  writeFile(path: string, content: Buffer): Promise<void>
  nextPiece(): Promise<Buffer | null>
}

export interface NativeTestOutcome {
  all(): string
  log(task: string): string
  expects(expectation: string): void
}

export interface NativeClock {
  readonly number: number
  readonly elapsedMs: number
  advance(length: string): Promise<void>
  untilSleepers(count: number): Promise<void>
}

export interface NativeScripted {
  readonly number: number
  started(task: string): number
  peak(): number
}

export interface NativeConformance {
  case(name: string): Promise<void>
}

export interface NativeMetrics {
  text(): string
}

export interface NativeWait {
  giveUp(): void
}

export interface NativeEvents {
  next(): Promise<string | null>
  close(): void
}

export interface NativeBytes {
  next(): Promise<Buffer | null>
  close(): void
}

export interface NativeEditor {
  apply(edit: string): string
  definition(): string
  problems(): string
}

/** A noun of the core that answers requests: the name of a method, its arguments as JSON. */
export interface NativeNoun {
  ask(request: string, args: string): Promise<string>
}

export interface NativePipelines extends NativeNoun {
  run(args: string, options: string): Promise<NativeRun>
  saveAndRun(definition: string, expected: string, options: string): Promise<NativeRun>
  latestRun(args: string): Promise<NativeRun | null>
  stopLatest(args: string): Promise<NativeRun>
}

export interface NativeEngine extends NativeNoun {
  pipelines(): NativePipelines
  credentials(): NativeNoun
  clusters(): NativeNoun
  sources(): NativeNoun
  registries(): NativeNoun
  recovered(): string[]
  start(pipeline: string, options: string): Promise<NativeRun>
  find(args: string): Promise<NativeRun>
  events(after: string, filter: string): Promise<NativeEvents>
  search(runs: string, query: string): Promise<string>
  close(): Promise<void>
}

export interface NativeReader extends NativeNoun {
  events(after: string, filter: string): Promise<NativeEvents>
  runEvents(run: string, after: string): Promise<NativeEvents>
  log(run: string, args: string): Promise<Buffer>
  tail(run: string, args: string): Promise<Buffer>
  download(run: string, args: string): Promise<NativeBytes>
  artifact(run: string, artifact: string): Promise<NativeBytes>
}

export interface NativeRun extends NativeNoun {
  readonly id: string
  readonly number: number
  readonly pipeline: string
  events(args: string): Promise<NativeEvents>
  wait(wait: NativeWait): Promise<string | null>
  retry(mode: string, who: string): Promise<NativeRun>
  log(args: string): Promise<Buffer>
  tail(args: string): Promise<Buffer>
  followLog(args: string): Promise<NativeBytes>
  download(args: string): Promise<NativeBytes>
  artifact(artifact: string): Promise<NativeBytes>
}

/** The package with the compiled core for this machine. */
function platformPackage(): string {
  const { platform, arch } = process
  if (platform === 'linux') return `windlass-linux-${arch}-${isMusl() ? 'musl' : 'gnu'}`
  if (platform === 'win32') return `windlass-win32-${arch}-msvc`
  return `windlass-${platform}-${arch}`
}

/** Whether the C library is musl. Node says what glibc it runs on, if any. */
function isMusl(): boolean {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined
  if (report?.header !== undefined) return report.header.glibcVersionRuntime === undefined
  return existsSync('/lib/ld-musl-x86_64.so.1') || existsSync('/lib/ld-musl-aarch64.so.1')
}

function load(): Native {
  const name = platformPackage()
  try {
    return require(name) as Native
  } catch (cause) {
    const missing = (cause as { code?: string }).code === 'MODULE_NOT_FOUND'
    const why = missing
      ? `the package ${name} is not installed. It comes along as an optional dependency: install again without --omit=optional ` +
        '(or --no-optional), and on this platform, not in a node_modules folder copied from another one. There are packages for ' +
        'Linux (glibc and musl) and macOS on x64 and arm64, and for Windows on x64'
      : `the package ${name} cannot be loaded: ${(cause as Error).message}`
    const message = `windlass has no compiled core here: ${why}`
    throw errorOf(
      {
        kind: 'unsupported',
        code: 'noNativePackage',
        operation: 'load',
        message,
        retryable: false,
        problems: null,
        staleVersion: null,
      },
      { cause },
    )
  }
}

export const native: Native = load()

/** What the core threw, as an error of its class. */
export function fromNative(error: unknown): unknown {
  if (!(error instanceof Error) || !error.message.startsWith('{"kind":')) return error
  return errorOf(JSON.parse(error.message) as ErrorDetails)
}

/** Calls the core. */
export async function call<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw fromNative(error)
  }
}

/** Calls the core for a value. */
export async function callJson<T>(work: Promise<string>): Promise<T> {
  return JSON.parse(await call(work)) as T
}

/** Asks a noun of the core. */
export function ask<T>(noun: NativeNoun, request: string, args: unknown, operation = request): Promise<T> {
  return callJson(noun.ask(request, encode(args, operation)))
}

/** Calls the core for what needs no waiting. */
export function callNow<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw fromNative(error)
  }
}
