import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type Executor,
  ExecutorError,
  type RunScope,
  type StepEnd,
  type StepExit,
  type StepKey,
  type StepSecrets,
  type StepSpec,
} from 'windlass'

const LONGEST_OUTPUT = 1 << 20

interface Step {
  process: ChildProcess | undefined
  log: Buffer[]
  length: number
  end: Promise<StepExit>
  over: boolean
}

const named = ({ run, task, attempt }: StepKey) => `${run} ${task} ${attempt}`

/** An executor in the whole form of the contract, as plain as it can be: steps are processes of this one, and all is in memory. */
export class PlainExecutor implements Executor {
  readonly capabilities = {}
  readonly calls: string[] = []
  readonly #folder: string
  readonly #steps = new Map<string, Step>()

  constructor(folder: string) {
    this.#folder = folder
  }

  async prepare(scope: RunScope): Promise<void> {
    this.calls.push('prepare')
    const folder = this.#workspace(scope.run)
    if (scope.existing && !existsSync(folder)) throw ExecutorError.workspaceLost(`there is no folder ${folder}`)
    if (scope.source !== null && !existsSync(folder)) cpSync(scope.source, folder, { recursive: true })
    mkdirSync(folder, { recursive: true })
  }

  async start(step: StepSpec, secrets: StepSecrets): Promise<void> {
    const key = named(step.key)
    if (this.#steps.has(key)) return
    if (!existsSync(this.#workspace(step.key.run))) throw ExecutorError.workspaceLost('the run has no workspace')
    const own = mkdtempSync(path.join(tmpdir(), 'plain-'))
    const child = this.#process(step, secrets, own)
    const started: Step = { process: child, log: [], length: 0, over: false, end: Promise.resolve(undefined as never) }
    const take = (piece: Buffer) => {
      started.log.push(piece)
      started.length += piece.length
    }
    child.stdout!.on('data', take)
    started.end = this.#ended(child, started, own)
    this.#steps.set(key, started)
  }

  #process(step: StepSpec, secrets: StepSecrets, own: string): ChildProcess {
    const workspace = step.workspace === 'shared' ? this.#workspace(step.key.run) : path.join(own, 'workspace')
    mkdirSync(workspace, { recursive: true })
    const files: Record<string, string> = {}
    for (const [name, content] of Object.entries(secrets.files)) {
      files[name] = path.join(own, name)
      writeFileSync(files[name], content, { mode: 0o600 })
    }
    const script = path.join(own, 'script')
    writeFileSync(script, 'script' in step.command ? step.command.script.text : '')
    const [program, ...args] =
      'script' in step.command
        ? [...(step.command.script.shell ?? 'sh -e').split(' '), script]
        : step.command.program.argv
    const places = { HOME: workspace, WORKSPACE: workspace, WINDLASS_OUTPUT: path.join(own, 'output') }
    const env = { PATH: process.env.PATH, ...step.env, ...secrets.env, ...files, ...places }
    // One pipe for both, so that they come in the order in which they are written.
    const both = ['-c', 'exec 2>&1; exec "$@"', 'sh', program!, ...args]
    return spawn('sh', both, { cwd: workspace, env, stdio: ['ignore', 'pipe', 'ignore'], detached: true })
  }

  async #ended(child: ChildProcess, step: Step, own: string): Promise<StepExit> {
    const closed = once(child, 'close')
    await once(child, 'exit')
    // What it left in the background holds its output, and ends with it.
    kill(child, 'SIGKILL')
    const [code, signal] = await closed
    const output = path.join(own, 'output')
    const outputs = existsSync(output) ? readFileSync(output).subarray(0, LONGEST_OUTPUT) : Buffer.alloc(0)
    rmSync(own, { recursive: true, force: true })
    step.over = true
    const { signals } = await import('node:os').then((os) => os.constants)
    const end: StepEnd = signal === null ? { code } : { signal: signals[signal as NodeJS.Signals] }
    return { end, logLength: step.length, output: outputs }
  }

  async wait(step: StepKey): Promise<StepExit> {
    const found = this.#steps.get(named(step))
    if (found === undefined) throw ExecutorError.lost('this process did not start it')
    if (found.process === undefined) throw ExecutorError.neverStarted()
    return found.end
  }

  async *logs(step: StepKey, from: number): AsyncGenerator<Uint8Array> {
    const found = this.#steps.get(named(step))
    for (let at = from; found?.process !== undefined; ) {
      const { over } = found
      const piece = Buffer.concat(found.log).subarray(at, at + 65536)
      if (piece.length > 0) {
        yield piece
        at += piece.length
      } else if (over) return
      else await pause(10)
    }
  }

  async stop(step: StepKey, graceMs: number): Promise<void> {
    const key = named(step)
    const found = this.#steps.get(key)
    if (found === undefined) {
      this.#steps.set(key, { process: undefined, log: [], length: 0, over: true, end: Promise.resolve(null as never) })
      return
    }
    if (found.process === undefined || found.over) return
    kill(found.process, 'SIGTERM')
    await Promise.race([found.end, pause(graceMs)])
    if (!found.over) kill(found.process, 'SIGKILL')
    await found.end
  }

  #inside(run: string, place: string): string {
    if (place.includes('\0')) throw ExecutorError.badStep('badPath', 'no file has such a name')
    const workspace = this.#workspace(run)
    const target = path.resolve(workspace, place)
    if (target !== workspace && !target.startsWith(workspace + path.sep))
      throw ExecutorError.badStep('outsideWorkspace', `${place} leads out of the workspace`)
    return target
  }

  async read(run: string, place: string): Promise<AsyncIterable<Uint8Array>> {
    const target = this.#inside(run, place)
    if (!existsSync(target)) throw ExecutorError.notFound(place)
    const names = place === '.' ? readdirSync(target) : [path.basename(target)]
    const folder = place === '.' ? target : path.dirname(target)
    const tar = spawn('tar', ['-C', folder, '-cf', '-', ...names], { stdio: ['ignore', 'pipe', 'inherit'] })
    // What nobody reads when a process ends is thrown away by Node: so it is read from the beginning on.
    return tar.stdout.pipe(new PassThrough())
  }

  async write(run: string, place: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const folder = this.#inside(run, place)
    mkdirSync(folder, { recursive: true })
    const tar = spawn('tar', ['-C', folder, '-xf', '-'], { stdio: ['pipe', 'inherit', 'inherit'] })
    const closed = once(tar, 'close')
    for await (const piece of pieces) tar.stdin.write(piece)
    tar.stdin.end()
    const [code] = await closed
    if (code !== 0) throw ExecutorError.badStep('badArchive', `tar ended with ${code}`)
  }

  async forget(step: StepKey): Promise<void> {
    this.calls.push('forget')
    const found = this.#steps.get(named(step))
    if (found !== undefined) found.log = []
  }

  async release(run: string): Promise<void> {
    this.calls.push('release')
    for (const key of this.#steps.keys()) {
      const [owner, task, attempt] = key.split(' ')
      if (owner !== run) continue
      await this.stop({ run, task: task!, attempt: Number(attempt) }, 0)
      this.#steps.delete(key)
    }
    rmSync(this.#workspace(run), { recursive: true, force: true })
  }

  async sweep(keep: string[]): Promise<string[]> {
    this.calls.push('sweep')
    const there = existsSync(this.#folder) ? readdirSync(this.#folder) : []
    const gone = there.filter((run) => !keep.includes(run))
    for (const run of gone) await this.release(run)
    return gone
  }

  #workspace(run: string): string {
    return path.join(this.#folder, run)
  }
}

/** Ends a process with its whole group; one that is over is over. */
function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
