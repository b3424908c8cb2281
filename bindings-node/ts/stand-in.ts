// How the engine knows the clocks and executors of `windlass/testing` without loading it.

/** The number of a virtual clock in the core. */
export const virtualClockBrand: unique symbol = Symbol.for('windlass.virtualClock') as never
/** The number of a scripted executor in the core. */
export const scriptedBrand: unique symbol = Symbol.for('windlass.scriptedExecutor') as never

/** A clock of `windlass/testing`. */
export interface ClockStandIn {
  readonly [virtualClockBrand]: number
}

/** An executor of `windlass/testing`. */
export interface ScriptedStandIn {
  readonly [scriptedBrand]: number
}
