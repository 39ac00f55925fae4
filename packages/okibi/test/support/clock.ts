// Time that stands still until a test moves it. It starts now, so that a store on real time agrees with it at first.

export class Clock {
  millis: number = Date.now()

  readonly now: () => number = () => this.millis

  /** Moves on by so many seconds. */
  pass(seconds: number): void {
    this.millis += seconds * 1000
  }
}
