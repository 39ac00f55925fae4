// Keys by expiry, the earliest first: a binary heap.

type End = readonly [end: number, key: string]

/** Keys in the order of their expiry. A key may be in it several times. */
export class ExpiryHeap {
  #heap: End[] = []

  get size(): number {
    return this.#heap.length
  }

  add(end: number, key: string): void {
    const heap = this.#heap
    let at = heap.push([end, key]) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (this.#endAt(above) <= end) break
      this.#exchange(at, above)
      at = above
    }
  }

  /** Removes and returns the first key, if it has expired. */
  next(now: number): string | undefined {
    const heap = this.#heap
    const [first] = heap
    if (!first || first[0] > now) return undefined
    const last = heap.pop() as End
    if (heap.length > 0) {
      heap[0] = last
      this.#sink()
    }
    return first[1]
  }

  /** Replaces the content. */
  refill(ends: Iterable<End>): void {
    // A sorted list is a heap.
    this.#heap = [...ends].sort(([one], [other]) => one - other)
  }

  #sink(): void {
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      const next = this.#endAt(right) < this.#endAt(left) ? right : left
      if (this.#endAt(next) >= this.#endAt(at)) return
      this.#exchange(at, next)
      at = next
    }
  }

  #endAt(at: number): number {
    return this.#heap[at]?.[0] ?? Number.POSITIVE_INFINITY
  }

  #exchange(one: number, other: number): void {
    const heap = this.#heap
    const held = heap[one] as End
    heap[one] = heap[other] as End
    heap[other] = held
  }
}
