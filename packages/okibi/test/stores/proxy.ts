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
 * The fault of a proxy, for every connection, old and new. `stall` keeps all bytes until the next
 * mode. `refuse`, `hang up` and `reset` end new and open connections.
 */
export type Mode = 'open' | 'stall' | 'refuse' | 'hang up' | 'reset' | Cut | { readonly delay: number }

/** The cut of one reply: of the next one to a request that contains one of these words. */
interface ReplyCut {
  words: readonly Buffer[]
  cut: Cut | undefined
}

class Connection {
  /** The bytes that are kept during a stall, with their receivers. */
  readonly held: [Socket, Buffer][] = []
  isSilent = false
  hasRequest = false

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

export class FaultProxy {
  readonly target: number
  readonly #replyCut: ReplyCut
  readonly #connections = new Set<Connection>()
  #listener: Server | undefined
  #port = 0
  #mode: Mode = 'open'
  /** The number of cut replies. */
  cuts = 0

  private constructor(target: number, replyCut: ReplyCut) {
    this.target = target
    this.#replyCut = replyCut
  }

  /** A proxy in front of each port. `cutReplyTo` of any of them cuts one reply in one of them. */
  static async before(...targets: readonly number[]): Promise<FaultProxy[]> {
    const replyCut: ReplyCut = { words: [], cut: undefined }
    const proxies = targets.map((target) => new FaultProxy(target, replyCut))
    for (const proxy of proxies) await onFreePort((port) => proxy.#listen(port))
    return proxies
  }

  get port(): number {
    return this.#port
  }

  /** The number of connected clients. */
  get open(): number {
    return this.#connections.size
  }

  async set(mode: Mode): Promise<void> {
    this.#mode = mode
    if (mode === 'refuse') {
      this.#listener?.close()
      this.#listener = undefined
    }
    if (mode === 'refuse' || mode === 'hang up' || mode === 'reset') this.#endAll(mode === 'reset' ? 'reset' : 'close')
    if (mode !== 'stall')
      for (const connection of this.#connections) for (const [to, data] of connection.held.splice(0)) to.write(data)
    if (mode !== 'refuse' && !this.#listener) await this.#listen(this.#port)
  }

  /** Cuts the next reply to a request that contains one of these words. */
  cutReplyTo(words: readonly Buffer[], cut: Cut): void {
    this.#replyCut.words = words
    this.#replyCut.cut = cut
  }

  stop(): void {
    this.#endAll('close')
    this.#listener?.close()
  }

  #endAll(how: 'close' | 'reset'): void {
    for (const connection of this.#connections) connection.end(how)
    this.#connections.clear()
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
    const connection = new Connection(client, connect(this.target, HOST))
    this.#connections.add(connection)
    for (const socket of [client, connection.server]) {
      socket.setNoDelay(true)
      // Broken connections are expected.
      socket.on('error', () => undefined)
    }
    client.on('close', () => this.#over(connection))
    connection.server.on('close', () => {
      if (!connection.isSilent) this.#over(connection)
    })
    client.on('data', (data) => this.#onRequest(connection, data))
    connection.server.on('data', (data) => this.#onReply(connection, data))
  }

  #over(connection: Connection): void {
    this.#connections.delete(connection)
    connection.end('close')
  }

  #onRequest(connection: Connection, data: Buffer): void {
    if (connection.isSilent) return
    if (this.#replyCut.cut && this.#replyCut.words.some((words) => data.includes(words))) connection.hasRequest = true
    const mode = this.#mode
    if (mode === 'stall') connection.held.push([connection.server, data])
    else if (typeof mode === 'object' && 'delay' in mode) setTimeout(() => connection.server.write(data), mode.delay)
    else connection.server.write(data)
  }

  #onReply(connection: Connection, data: Buffer): void {
    if (connection.isSilent) return
    if (this.#mode === 'stall') return void connection.held.push([connection.client, data])
    const cut = this.#cutNow(connection)
    if (!cut) return void connection.client.write(data)
    this.cuts += 1
    const { end } = cut
    if (end === 'silence') {
      connection.isSilent = true
      connection.client.write(data.subarray(0, cut.after))
    } else {
      connection.client.write(data.subarray(0, cut.after), () => connection.end(end))
    }
  }

  #cutNow(connection: Connection): Cut | undefined {
    if (typeof this.#mode === 'object' && 'after' in this.#mode) return this.#mode
    if (!connection.hasRequest) return undefined
    const { cut } = this.#replyCut
    this.#replyCut.cut = undefined
    connection.hasRequest = false
    return cut
  }
}
