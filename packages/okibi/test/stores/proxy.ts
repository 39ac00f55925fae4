// A proxy between a client and a server that causes faults: it delays, stalls, refuses, resets and
// cuts.
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { onFreePort } from './servers.js'

const HOST = '127.0.0.1'

/**
 * A cut of a reply after some bytes, and then of the connection. `silence` keeps it open, and sends
 * nothing.
 */
export interface Cut {
  readonly after: number
  readonly end: 'close' | 'reset' | 'silence'
}

/**
 * The fault of a proxy, for every connection, old and new. `stall` keeps all bytes until the next mode.
 * `refuse`, `hang up` and `reset` end new and open connections.
 */
export type Mode = 'open' | 'stall' | 'refuse' | 'hang up' | 'reset' | Cut | { readonly delay: number }

/** The cut of one reply: of the next one to a request that contains one of these words. */
interface Trap {
  words: readonly Buffer[]
  cut: Cut | undefined
}

class Line {
  /** The bytes that are kept during a stall, with their receivers. */
  readonly held: [Socket, Buffer][] = []
  isSilent = false
  wasHeard = false

  readonly client: Socket
  readonly server: Socket

  constructor(client: Socket, server: Socket) {
    this.client = client
    this.server = server
  }

  end(how: 'close' | 'reset'): void {
    if (how === 'reset') this.client.resetAndDestroy()
    else this.client.destroy()
    this.server.destroy()
  }
}

export class Disturbance {
  readonly target: number
  readonly #trap: Trap
  readonly #lines = new Set<Line>()
  #listener: Server | undefined
  #port = 0
  #mode: Mode = 'open'
  /** The number of cut replies. */
  cuts = 0

  private constructor(target: number, trap: Trap) {
    this.target = target
    this.#trap = trap
  }

  /** A proxy in front of each port. `cutReplyTo` of any of them cuts one reply in one of them. */
  static async before(...targets: readonly number[]): Promise<Disturbance[]> {
    const trap: Trap = { words: [], cut: undefined }
    const proxies = targets.map((target) => new Disturbance(target, trap))
    for (const proxy of proxies) await onFreePort((port) => proxy.#listen(port))
    return proxies
  }

  get port(): number {
    return this.#port
  }

  /** The number of connected clients. */
  get open(): number {
    return this.#lines.size
  }

  async set(mode: Mode): Promise<void> {
    this.#mode = mode
    if (mode === 'refuse') {
      this.#listener?.close()
      this.#listener = undefined
    }
    if (mode === 'refuse' || mode === 'hang up' || mode === 'reset') this.#endAll(mode === 'reset' ? 'reset' : 'close')
    if (mode !== 'stall') for (const line of this.#lines) for (const [to, data] of line.held.splice(0)) to.write(data)
    if (mode !== 'refuse' && !this.#listener) await this.#listen(this.#port)
  }

  /** Cuts the next reply to a request that contains one of these words. */
  cutReplyTo(words: readonly Buffer[], cut: Cut): void {
    this.#trap.words = words
    this.#trap.cut = cut
  }

  stop(): void {
    this.#endAll('close')
    this.#listener?.close()
  }

  #endAll(how: 'close' | 'reset'): void {
    for (const line of this.#lines) line.end(how)
    this.#lines.clear()
  }

  async #listen(port: number): Promise<void> {
    const listener = createServer((client) => this.#accept(client))
    listener.listen(port, HOST)
    await once(listener, 'listening')
    this.#port = port
    this.#listener = listener
  }

  #accept(client: Socket): void {
    if (this.#mode === 'hang up') return void client.destroy()
    if (this.#mode === 'reset') return void client.resetAndDestroy()
    const line = new Line(client, connect(this.target, HOST))
    this.#lines.add(line)
    for (const socket of [client, line.server]) {
      socket.setNoDelay(true)
      // Broken connections are expected.
      socket.on('error', () => undefined)
    }
    client.on('close', () => this.#over(line))
    line.server.on('close', () => {
      if (!line.isSilent) this.#over(line)
    })
    client.on('data', (data) => this.#asked(line, data))
    line.server.on('data', (data) => this.#answered(line, data))
  }

  #over(line: Line): void {
    this.#lines.delete(line)
    line.end('close')
  }

  #asked(line: Line, data: Buffer): void {
    if (line.isSilent) return
    if (this.#trap.cut && this.#trap.words.some((words) => data.includes(words))) line.wasHeard = true
    const mode = this.#mode
    if (mode === 'stall') line.held.push([line.server, data])
    else if (typeof mode === 'object' && 'delay' in mode) setTimeout(() => line.server.write(data), mode.delay)
    else line.server.write(data)
  }

  #answered(line: Line, data: Buffer): void {
    if (line.isSilent) return
    if (this.#mode === 'stall') return void line.held.push([line.client, data])
    const cut = this.#cutNow(line)
    if (!cut) return void line.client.write(data)
    this.cuts += 1
    const { end } = cut
    if (end === 'silence') {
      line.isSilent = true
      line.client.write(data.subarray(0, cut.after))
    } else {
      line.client.write(data.subarray(0, cut.after), () => line.end(end))
    }
  }

  #cutNow(line: Line): Cut | undefined {
    if (typeof this.#mode === 'object' && 'after' in this.#mode) return this.#mode
    if (!line.wasHeard) return undefined
    const { cut } = this.#trap
    this.#trap.cut = undefined
    line.wasHeard = false
    return cut
  }
}
