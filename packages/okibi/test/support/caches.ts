// A Cache API in memory for Node and Bun, with the methods that Hono's middleware calls. Deno and
// workerd have a real one.

class Kept {
  readonly #answers = new Map<string, Response>()

  async match(key: string): Promise<Response | undefined> {
    return this.#answers.get(key)?.clone()
  }

  async put(key: string, answer: Response): Promise<void> {
    this.#answers.set(key, answer)
  }
}

class Caches {
  readonly #caches = new Map<string, Kept>()

  async open(name: string): Promise<Kept> {
    const kept = this.#caches.get(name) ?? new Kept()
    this.#caches.set(name, kept)
    return kept
  }
}

globalThis.caches ??= new Caches() as unknown as CacheStorage
