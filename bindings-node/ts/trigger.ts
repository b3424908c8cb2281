// What starts runs beside a person.

/** A rule that starts runs. */
export type Trigger = ScheduleTrigger | EventTrigger

/** Starts runs at certain times. */
export interface ScheduleTrigger {
  schedule: Schedule
}

/** Starts runs when something happened in a repository. */
export interface EventTrigger {
  event: 'push' | 'merge' | 'tag'
  /** Globs of branches. All when empty. */
  branches?: string[]
  /** Globs of changed files. All when empty. */
  paths?: string[]
}

interface InTimeZone {
  /** An IANA time zone, such as `Europe/Berlin`. UTC when unset. */
  timeZone?: string
}

/** When a scheduled run starts. */
export type Schedule = InTimeZone &
  (
    | { everyMinutes: number }
    | { everyHours: number; minute?: number }
    | { daily: string }
    | { weekly: { day: Weekday; at: string } }
    | { monthly: { day: number; at: string } }
    | { cron: string }
  )

/** A day of the week. */
export type Weekday = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday'
