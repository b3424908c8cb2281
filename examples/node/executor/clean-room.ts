// An executor of one's own: steps run as processes in an environment that holds nothing but what the pipeline gives.

import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ExecutorError, type SimpleExecutor, type StepContext, type StepEnd, type StepSpec } from 'windlass'

/** Runs steps with `sh`. */
export class CleanRoom implements SimpleExecutor {
  async run(step: StepSpec, context: StepContext): Promise<StepEnd> {
    const folder = await mkdtemp(path.join(tmpdir(), 'clean-room-'))
    const output = path.join(folder, 'output')
    try {
      const files: Record<string, string> = {}
      for (const [name, bytes] of Object.entries(context.secrets.files)) {
        files[name] = path.join(folder, name)
        await writeFile(files[name], bytes, { mode: 0o600 })
      }
      const end = await this.#process(step, context, output, files)
      // Lines of KEY=VALUE, as the step wrote them; a step that hands on nothing writes no file.
      context.setOutput(await readFile(output).catch(() => Buffer.alloc(0)))
      return end
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  #process(step: StepSpec, context: StepContext, output: string, files: Record<string, string>): Promise<StepEnd> {
    const { command } = step
    const [program, ...args] =
      'script' in command
        ? [...(command.script.shell ?? 'sh -e').split(' '), '-c', `exec 2>&1\n${command.script.text}`]
        : command.program.argv
    if (program === undefined) throw ExecutorError.badStep('noProgram', 'the step names no program')
    const child = spawn(program, args, {
      cwd: context.workspace,
      env: {
        PATH: process.env.PATH,
        HOME: context.workspace,
        ...step.env,
        ...context.secrets.env,
        ...files,
        WORKSPACE: context.workspace,
        WINDLASS_OUTPUT: output,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    // The whole group: also what the step started in the background.
    const kill = (signal: NodeJS.Signals) => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, signal)
    }
    let later: NodeJS.Timeout | undefined
    const stop = () => {
      kill('SIGTERM')
      later = setTimeout(() => kill('SIGKILL'), 10_000)
    }
    context.signal.addEventListener('abort', stop, { once: true })
    child.stdout.on('data', (bytes: Buffer) => context.log(bytes))
    child.stderr.on('data', (bytes: Buffer) => context.log(bytes))
    return new Promise((resolve, reject) => {
      child.on('error', (error) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') reject(error)
        context.log(`${program}: not found\n`)
        resolve({ code: 127 })
      })
      child.on('close', (code, signal) => {
        context.signal.removeEventListener('abort', stop)
        clearTimeout(later)
        resolve(signal === null ? { code: code ?? 1 } : { signal: SIGNALS[signal] ?? 9 })
      })
    })
  }
}

const SIGNALS: Partial<Record<NodeJS.Signals, number>> = {
  SIGINT: 2,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGTERM: 15,
}
