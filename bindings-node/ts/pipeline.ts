import type { PipelineDocument } from './document.js'
import { encode } from './json.js'
import { callNow, native } from './native.js'
import type { StartOptions } from './options.js'
import type { Plan } from './plan.js'

/**
 * A definition. Built from typed parts or read from YAML or JSON; what is wrong with one that was built is told by
 * {@link Pipeline.check}, and by whatever it is given to.
 */
export class Pipeline {
  readonly #document: PipelineDocument

  constructor(name: string, options: Omit<PipelineDocument, 'name'>) {
    this.#document = { name, ...options }
  }

  /** Reads YAML, or JSON by its first character. Every mistake is told at once; `file` is the name that stands before each. */
  static fromYaml(text: string, options: { file?: string } = {}): Pipeline {
    return Pipeline.fromDocument(
      JSON.parse(callNow(() => native.readDefinition(text, options.file ?? 'pipeline.yaml'))),
    )
  }

  /** Reads JSON. */
  static fromJson(text: string, options: { file?: string } = {}): Pipeline {
    return Pipeline.fromDocument(
      JSON.parse(callNow(() => native.readDefinition(text, options.file ?? 'pipeline.json'))),
    )
  }

  /** Reads a file in YAML or JSON, by its name. */
  static fromFile(path: string): Pipeline {
    return Pipeline.fromDocument(JSON.parse(callNow(() => native.readDefinitionFile(path))))
  }

  /** Takes a document as it is. */
  static fromDocument(document: PipelineDocument): Pipeline {
    const { name, ...options } = document
    return new Pipeline(name, options)
  }

  /** What the pipeline is called. */
  get name(): string {
    return this.#document.name
  }

  /** The document, as `JSON.stringify` writes it. */
  toJSON(): PipelineDocument {
    return this.#document
  }

  /** The document as YAML. Throws what {@link check} throws. */
  toYaml(): string {
    return callNow(() => native.writeYaml(definitionText(this)))
  }

  /** Throws an `InvalidError` with every mistake, each with its path; gives the pipeline as the core would store it. */
  check(): Pipeline {
    return Pipeline.fromDocument(JSON.parse(callNow(() => native.checkDefinition(definitionText(this)))))
  }
}

/** What a run with these options would do. Nothing is started. Throws every mistake of the definition and the parameters. */
export function plan(pipeline: Pipeline | PipelineDocument, options: StartOptions = {}): Plan {
  return JSON.parse(callNow(() => native.plan(definitionText(pipeline), encode(options, 'plan'))))
}

/** A definition as JSON for the core. */
export function definitionText(pipeline: Pipeline | PipelineDocument): string {
  return encode(pipeline instanceof Pipeline ? pipeline.toJSON() : pipeline, 'read')
}

/** The JSON Schema of definitions, for editors and portals. */
export function schema(): Record<string, unknown> {
  return JSON.parse(callNow(() => native.schema()))
}

/** The version of the package and of its core. */
export function version(): string {
  return native.version()
}
