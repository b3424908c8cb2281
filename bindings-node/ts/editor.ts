import type { PipelineDocument, StageDocument, TaskDocument } from './document.js'
import type { Problem } from './errors.js'
import { encode } from './json.js'
import { callNow, type NativeEditor, native } from './native.js'
import { definitionText, Pipeline } from './pipeline.js'

/** Where something new lands. At the end when unset. */
export type Place = 'first' | 'last' | { after: string }
/** A list of tasks in a definition. */
export type TaskList = { stage: string } | 'finally'
/** Everything of a stage but its tasks. */
export type StageSettings = Omit<StageDocument, 'tasks'>
/** Everything of a pipeline but its name, its stages and its tasks. */
export type PipelineSettings = Omit<PipelineDocument, 'name' | 'stages' | 'finally'>

/** One step of a canvas. */
export type Edit =
  | { edit: 'addStage'; at?: Place; settings?: StageSettings }
  | { edit: 'editStage'; stage: string; settings: StageSettings }
  | { edit: 'copyStage'; stage: string }
  | { edit: 'deleteStage'; stage: string }
  | { edit: 'moveStage'; stage: string; to: number }
  | { edit: 'addTask'; to: TaskList; at?: Place; task: TaskDocument }
  | { edit: 'editTask'; task: string; with: TaskDocument }
  | { edit: 'copyTask'; task: string }
  | { edit: 'deleteTask'; task: string }
  | { edit: 'moveTask'; task: string; to: number }
  | { edit: 'addSource'; stage?: string; at?: Place; source: TaskDocument }
  | { edit: 'editSource'; source: string; with: TaskDocument }
  | { edit: 'copySource'; source: string }
  | { edit: 'deleteSource'; source: string }
  | { edit: 'moveSource'; source: string; to: number }
  | { edit: 'editSettings'; settings: PipelineSettings }
  | { edit: 'undo' }
  | { edit: 'redo' }
  | { edit: 'reset' }

/** What a step led to. */
export interface Edited {
  definition: PipelineDocument
  /** All that is wrong with it, with paths in the tree. Empty for one that can be run. */
  problems: Problem[]
  /** What the step made or touched. */
  subject: { stage: string } | { task: string } | 'pipeline'
  canUndo: boolean
  canRedo: boolean
  /** Whether it differs from the definition at opening. */
  isChanged: boolean
}

/** An editing session over a definition, which may have mistakes meanwhile: for a canvas, with undo, redo and reset. */
export class Editor {
  readonly #native: NativeEditor

  constructor(definition: Pipeline | PipelineDocument) {
    this.#native = callNow(() => native.openEditor(definitionText(definition)))
  }

  /** The definition as it is now. */
  get definition(): Pipeline {
    return Pipeline.fromDocument(JSON.parse(callNow(() => this.#native.definition())))
  }

  /** All that is wrong with it. */
  get problems(): Problem[] {
    return JSON.parse(callNow(() => this.#native.problems()))
  }

  /** Makes a step. What cannot be done throws, and changes nothing. */
  apply(edit: Edit): Edited {
    return JSON.parse(callNow(() => this.#native.apply(encode(edit, 'edit'))))
  }

  /** Takes the last step back. */
  undo(): Edited {
    return this.apply({ edit: 'undo' })
  }

  /** Does again what was taken back last. */
  redo(): Edited {
    return this.apply({ edit: 'redo' })
  }

  /** Goes back to the state at opening. That is a step, and can be taken back. */
  reset(): Edited {
    return this.apply({ edit: 'reset' })
  }

  /** Adds a stage without tasks. */
  addStage(settings?: StageSettings, at: Place = 'last'): Edited {
    return this.apply({ edit: 'addStage', at, ...(settings === undefined ? {} : { settings }) })
  }

  /** Changes everything of a stage but its tasks; another name is a new name. */
  editStage(stage: string, settings: StageSettings): Edited {
    return this.apply({ edit: 'editStage', stage, settings })
  }

  /** Adds a copy of a stage behind it. */
  copyStage(stage: string): Edited {
    return this.apply({ edit: 'copyStage', stage })
  }

  /** Deletes a stage with its tasks. */
  deleteStage(stage: string): Edited {
    return this.apply({ edit: 'deleteStage', stage })
  }

  /** Moves a stage to a place, counted from 0. */
  moveStage(stage: string, to: number): Edited {
    return this.apply({ edit: 'moveStage', stage, to })
  }

  /** Adds a task to a stage, or to `finally`. */
  addTask(task: TaskDocument, to: TaskList, at: Place = 'last'): Edited {
    return this.apply({ edit: 'addTask', to, at, task })
  }

  /** Puts another task into the place of one; who needs it by its name is told the new one. */
  editTask(task: string, becomes: TaskDocument): Edited {
    return this.apply({ edit: 'editTask', task, with: becomes })
  }

  /** Adds a copy of a task behind it. */
  copyTask(task: string): Edited {
    return this.apply({ edit: 'copyTask', task })
  }

  /** Deletes a task. */
  deleteTask(task: string): Edited {
    return this.apply({ edit: 'deleteTask', task })
  }

  /** Moves a task to a place in its list, counted from 0. */
  moveTask(task: string, to: number): Edited {
    return this.apply({ edit: 'moveTask', task, to })
  }

  /** Changes everything of the pipeline but its name, its stages and its tasks. */
  editSettings(settings: PipelineSettings): Edited {
    return this.apply({ edit: 'editSettings', settings })
  }
}
