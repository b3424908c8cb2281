import { callNow, native } from './native.js'

/** How grave something is. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

/** A logger of the program: `console`, pino, winston and the like. */
export type Logger = Record<'debug' | 'info' | 'warn' | 'error', (message: string) => void>

interface Records {
  records: { level: LogLevel; target: string; message: string }[]
  dropped: number
}

/**
 * Says where the core's own records go: what it warns of, and at lower levels what it does. One logger for the process, that which
 * was given last; none unless set. Records come in batches and off the core's threads, and what comes faster than it is taken is
 * dropped and counted. `null` ends it.
 */
export function setLogger(logger: Logger | null, options: { level?: LogLevel } = {}): void {
  const wake = logger === null ? null : () => hand(logger)
  callNow(() => native.listenToRecords(wake, options.level ?? 'warn'))
}

function hand(logger: Logger): void {
  const { records, dropped }: Records = JSON.parse(native.takeRecords())
  for (const { level, target, message } of records) {
    logger[level === 'trace' ? 'debug' : level](`${target.replaceAll('::', '.')}: ${message}`)
  }
  if (dropped > 0) logger.warn(`windlass: ${dropped} records were dropped: they came faster than they were taken`)
}
