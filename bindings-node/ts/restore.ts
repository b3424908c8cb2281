import { callJson, native } from './native.js'

/** A data directory that was restored. */
export interface RestoreReport {
  path: string
  bytes: number
  runs: number
  /** Runs that had not ended: an engine that is opened takes them up. */
  unfinished: string[]
  position: number
}

/** Makes a data directory from a backup. It must not be there, or be an empty folder; the backup stays as it is. */
export function restore(backup: string, dataDir: string): Promise<RestoreReport> {
  return callJson(native.restore(backup, dataDir))
}
