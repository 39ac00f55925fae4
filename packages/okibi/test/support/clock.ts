// A clock that only tests advance. It starts at the real time, so that a store on real time agrees
// at first.

export class Clock {
  millis: number = Date.now()

  readonly now: () => number = () => this.millis

  /** Advances by this many seconds. */
  pass(seconds: number): void {
    this.millis += seconds * 1000
  }
}
