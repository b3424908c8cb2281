import type { PipelineDocument } from './document.js'
import { encode } from './json.js'
import { ask, call, type NativePipelines } from './native.js'
import type { PipelineDeletion, PipelineFilter, StartOptions, Who } from './options.js'
import { definitionText, Pipeline } from './pipeline.js'
import { Run } from './run.js'

/** A stored pipeline as it is now. */
export interface StoredPipeline {
  name: string
  /** The version of its definition: what a save must be made from. */
  version: number
  /** Whether it can be run. */
  active: boolean
  definition: Pipeline
  created: string
  /** When its definition was changed last. */
  changed: string
  /** Who changed its definition last; may be empty. */
  changedBy: string
}

/** A definition that a pipeline has or had. */
export interface StoredVersion {
  name: string
  version: number
  definition: Pipeline
  saved: string
  savedBy: string
}

/** A pipeline in a listing. */
export interface PipelineListing {
  name: string
  version: number
  active: boolean
  created: string
  changed: string
  changedBy: string
}

interface Stored {
  definition: PipelineDocument
}

function withPipeline<T>(stored: Stored): T {
  return { ...stored, definition: Pipeline.fromDocument(stored.definition) } as T
}

/**
 * The stored pipelines of an engine. Every change takes who makes it, and stands in the audit trail; every save says which
 * version it was made from, so that of two people who edit the same pipeline the second one is told (`staleVersion`).
 */
export class Pipelines {
  readonly #native: NativePipelines

  /** @internal */
  constructor(pipelines: NativePipelines) {
    this.#native = pipelines
  }

  /** A pipeline as it is now. */
  async get(name: string): Promise<StoredPipeline> {
    return withPipeline(await ask(this.#native, 'get', { name }))
  }

  /** Pipelines in the order of their names, without their definitions. */
  async list(filter: PipelineFilter = {}): Promise<PipelineListing[]> {
    return ask(this.#native, 'list', filter)
  }

  /** The definitions that a pipeline had, newest first. */
  async history(name: string, page: { before?: number; limit?: number } = {}): Promise<StoredVersion[]> {
    const versions = await ask<Stored[]>(this.#native, 'history', { ...page, name })
    return versions.map((version) => withPipeline(version))
  }

  /** One definition that a pipeline had. */
  async version(name: string, version: number): Promise<StoredVersion> {
    return withPipeline(await ask(this.#native, 'version', { name, version }))
  }

  /** Stores a new pipeline. */
  async create(definition: Pipeline | PipelineDocument, who: Who = {}): Promise<StoredPipeline> {
    return withPipeline(await ask(this.#native, 'create', { by: who.by, definition }, 'save'))
  }

  /** Stores a new pipeline with the stages that every new one begins with, all empty. */
  async createNew(name: string, who: Who = {}): Promise<StoredPipeline> {
    return withPipeline(await ask(this.#native, 'createNew', { by: who.by, name }, 'save'))
  }

  /** Stores a copy under another name. */
  async copy(source: string, target: string, who: Pick<Who, 'by'> = {}): Promise<StoredPipeline> {
    return withPipeline(await ask(this.#native, 'copy', { by: who.by, source, target }, 'save'))
  }

  /** Gives a pipeline another definition; `expected` is the version from which it was made. */
  async update(
    definition: Pipeline | PipelineDocument,
    expected: number,
    who: Pick<Who, 'by'> = {},
  ): Promise<StoredPipeline> {
    return withPipeline(await ask(this.#native, 'update', { by: who.by, definition, expected }, 'save'))
  }

  /** Gives a pipeline a definition that it had; `expected` is the version that it has now. */
  async restore(name: string, version: number, expected: number, who: Pick<Who, 'by'> = {}): Promise<StoredPipeline> {
    return withPipeline(await ask(this.#native, 'restore', { by: who.by, name, version, expected }, 'save'))
  }

  /** Lets a pipeline be run again. */
  async activate(name: string, who: Who = {}): Promise<StoredPipeline> {
    return withPipeline(await ask(this.#native, 'activate', { by: who.by, name }, 'save'))
  }

  /** Lets a pipeline not be run any more. */
  async deactivate(name: string, who: Who = {}): Promise<StoredPipeline> {
    return withPipeline(await ask(this.#native, 'deactivate', { by: who.by, name }, 'save'))
  }

  /** Deletes a pipeline. */
  async delete(name: string, how: PipelineDeletion = {}, who: Who = {}): Promise<void> {
    await ask(this.#native, 'delete', { by: who.by, name, how })
  }

  /** Starts a run of a stored pipeline. */
  async run(name: string, options: StartOptions = {}): Promise<Run> {
    return new Run(await call(this.#native.run(encode({ name }, 'start'), encode(options, 'start'))))
  }

  /** Saves a definition and starts a run of it, both or neither. `expected` is null for a new pipeline. */
  async saveAndRun(
    definition: Pipeline | PipelineDocument,
    expected: number | null,
    options: StartOptions = {},
  ): Promise<Run> {
    const saved = this.#native.saveAndRun(
      definitionText(definition),
      JSON.stringify(expected),
      encode(options, 'start'),
    )
    return new Run(await call(saved))
  }

  /** The newest run of a pipeline; null when it was never run. */
  async latestRun(name: string): Promise<Run | null> {
    const run = await call(this.#native.latestRun(encode({ name }, 'find')))
    return run === null ? null : new Run(run)
  }

  /** Asks the newest run of a pipeline to end. */
  async stopLatest(name: string, who: Who = {}): Promise<Run> {
    return new Run(await call(this.#native.stopLatest(encode({ ...who, name }, 'cancel'))))
  }
}
