import { callNow, type NativeMetrics, native } from './native.js'

/**
 * The metrics of all engines of this process, for Prometheus and those who speak its language. Make one before the engine is opened:
 * what was opened before is not told. Another one in the same process is the same. The names are those of OpenTelemetry's conventions
 * for CI/CD.
 */
export class Metrics {
  readonly #native: NativeMetrics

  constructor() {
    this.#native = callNow(() => native.recordMetrics())
  }

  /** All of them as text, for an address of the portal such as `/metrics`. */
  text(): string {
    return callNow(() => this.#native.text())
  }
}
