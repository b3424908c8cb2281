/** What a run would do: a definition and a run's inputs, resolved as far as they can be before the start. */
export interface Plan {
  pipeline: string
  parameters: Record<string, string>
  /** The executor that the definition names. */
  executor: string | null
  concurrency: { group: string; limit: number; onConflict: 'queue' | 'cancelOlder' | 'reject' } | null
  timeoutMs: number
  finallyTimeoutMs: number
  stages: PlannedStage[]
  finally: PlannedTask[]
}

/** A stage of a plan. */
export interface PlannedStage {
  name: string
  order: 'sequential' | 'parallel'
  failFast: boolean
  tasks: PlannedTask[]
}

/** A task of a plan: an instance, where the definition has a matrix. */
export interface PlannedTask {
  /** Its name in the run, such as `unit[PY=3.11]`. */
  task: string
  /** Its name in the definition. */
  name: string
  /** The key of its action, such as `script`. */
  action: string
  image: string | null
  /** The tasks for which it waits. */
  needs: string[]
  /** The stage for which it waits. */
  afterStage: string | null
  when: string | null
  matrix: Record<string, string>
  outputs: string[]
  allowFailure: boolean
  timeoutMs: number | null
  retry: { attempts: number; on: ('failure' | 'infrastructure' | 'timeout' | 'lost')[]; backoffMs: number }
}
