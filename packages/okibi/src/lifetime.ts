// Presets of the timeouts that NIST SP 800-63B-4 sets as limits, to spread into the options.

/** An idle and an absolute timeout, in seconds. */
export interface Timeouts {
  readonly idle: number
  readonly absolute: number
}

/**
 * Presets for the options `idle` and `absolute`: the limits of NIST SP 800-63B-4 for each
 * authenticator assurance level.
 *
 * @example
 * ```ts
 * app.use(sessions({ store, ...Lifetime.AAL3 }))
 * ```
 */
export const Lifetime: Readonly<Record<'AAL1' | 'AAL2' | 'AAL3', Timeouts>> = {
  /** Low risk: 30 days at most, active or not. */
  AAL1: { idle: 2_592_000, absolute: 2_592_000 },
  /** Medium risk, the default: 1 hour without activity, 24 hours at most. */
  AAL2: { idle: 3600, absolute: 86_400 },
  /** High risk: 15 minutes without activity, 12 hours at most. */
  AAL3: { idle: 900, absolute: 43_200 },
}
