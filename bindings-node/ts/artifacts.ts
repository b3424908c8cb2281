/** An artifact of a run. */
export interface RunArtifact {
  /** Its name; unique among those of its task. */
  name: string
  /** The task that left it. */
  task: string
  attempt: number
  /** The run that did: an earlier one, for a task that was not done again. */
  run: string
  /** How many files are in it. */
  files: number
  /** Their sizes together. */
  bytes: number
  /** The size of its archive, a gzipped tar. */
  size: number
  /** SHA-256 of the archive in hexadecimal digits. */
  sha256: string
  /** When it is removed; with its run when null. */
  until: string | null
}

/** An artifact as events and summaries have it. */
export interface StoredArtifact {
  name: string
  /** Where it is kept. */
  object: string
  files: number
  bytes: number
  size: number
  sha256: string
  /** When it is removed; with its run when it is missing. */
  until?: string
}

/** A cache that was looked for. */
export interface RestoredCache {
  /** The key that was wanted. */
  key: string
  /** The key of the one that was found; missing when there was none. */
  from?: string
}

/** A remark about a place in a file. */
export interface Annotation {
  file: string
  line: number
  column?: number
  level: 'note' | 'warning' | 'error'
  message: string
}

/** The results of tests as events and summaries have them: all counts, and the first failures in short. */
export interface TestSummary extends TestReport {
  /** How many files were read. */
  files: number
  /** How many files could not be read: what they say of tests is missing here. */
  unreadable?: number
  /** The object with the whole report, when it says more than this. */
  object?: string
}

/** The results of tests, whole. */
export interface TestReport {
  tests: number
  passed: number
  failed: number
  /** Those that could not be carried out. */
  errors: number
  skipped: number
  durationMs: number
  /** The failed ones and those with errors; at most 500. Missing when there is none. */
  failures?: FailedTest[]
}

/** A test that did not pass. */
export interface FailedTest {
  /** The suites in which it stands, from the outside in. */
  suite?: string[]
  /** Its class or module; may be empty. */
  class: string
  name: string
  outcome: 'failed' | 'error'
  /** What was said, in short; may be empty. */
  message: string
  /** What was said, at length. */
  details: string
  /** The file in which the test stands, as far as it is told. */
  file?: string
  line?: number
}
