// The number of commands of a request, counted with the server's MONITOR.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type SessionEnv, sessions } from '../../src/index.js'
import { redisStore } from '../../src/stores/redis.js'
import { Browser } from '../support/browser.js'
import { clients, type Opened } from './redis-clients.js'
import { RedisServer } from './servers.js'

/** The commands that clients send to a server, without those of scripts. */
class Monitor {
  readonly #process: ChildProcess
  readonly #server: RedisServer
  #sent: string[] = []
  #marks = 0

  private constructor(server: RedisServer, process: ChildProcess) {
    this.#server = server
    this.#process = process
  }

  static async of(server: RedisServer): Promise<Monitor> {
    const process = spawn('redis-cli', ['-p', String(server.port), 'monitor'], { stdio: ['ignore', 'pipe', 'inherit'] })
    if (!process.stdout) throw new Error('no output to read')
    const lines = createInterface(process.stdout)
    const monitor = new Monitor(server, process)
    await once(lines, 'line')
    lines.on('line', (line) => {
      if (!/^\S+ \[\d+ lua\]/.test(line)) monitor.#sent.push(line.replace(/^\S+ \[.*?\] /, ''))
    })
    return monitor
  }

  /** Returns the commands that are sent during a call. */
  async during(work: () => Promise<unknown>): Promise<string[]> {
    await this.#upToHere()
    await work()
    return this.#upToHere()
  }

  async #upToHere(): Promise<string[]> {
    this.#marks += 1
    const mark = `"echo" "mark ${this.#marks}"`
    this.#server.cli('echo', `mark ${this.#marks}`)
    await vi.waitFor(() => expect(this.#sent).toContain(mark), 60_000)
    const sent = this.#sent.slice(0, this.#sent.indexOf(mark))
    this.#sent = []
    return sent
  }

  stop(): void {
    this.#process.kill()
  }
}

const names = (commands: readonly string[]) => commands.map((command) => /^"(\w+)"/.exec(command)?.[1]?.toUpperCase())

for (const kind of ['redis-server', 'redis-8', 'valkey'] as const) {
  for (const name of ['node-redis 6', 'ioredis 6']) {
    describe(`${name} on ${kind}`, () => {
      let server: RedisServer
      let monitor: Monitor
      let mine: Opened
      beforeAll(async () => {
        server = await RedisServer.of(kind)
        mine = await (clients[name] as (port: number) => Promise<Opened>)(server.port)
        monitor = await Monitor.of(server)
      })
      afterAll(async () => {
        mine.close()
        monitor.stop()
        await server.stop()
      })

      test('a_request_makes_the_fewest_possible_round_trips', async () => {
        let now = Date.now()
        const app = new Hono<SessionEnv<{ n: number }>>()
        app.use(sessions({ store: redisStore(mine.client), idle: 900, clock: () => now, lazy: false }))
        app.get('/untouched', (c) => c.text('untouched'))
        app.get('/read', (c) => c.text(String(c.get('session').get('n'))))
        app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
        app.get('/login', (c) => {
          c.get('session').rotate()
          c.get('session').setOwner('ann')
          return c.text('in')
        })
        const warm = new Browser(app)
        // The server gets the scripts, is asked for its eviction policy, and says what its `SET` can do.
        for (const path of ['/add', '/add', '/login']) await warm.fetch(path)
        const ann = new Browser(app)
        // The removal from an owner's list is sent after a session was rotated or destroyed. No
        // request waits for it.
        const costs = async (path: string) =>
          names(await monitor.during(() => ann.fetch(path))).filter((command) => command !== 'ZREM')

        expect(await costs('/untouched')).toEqual([])
        // A write that leaves owner and expiry as they are is one command without a script, where the server compares within it.
        const change = kind === 'valkey' ? 'SET' : 'EVALSHA'
        expect(await costs('/add')).toEqual(['SET'])
        expect(await costs('/read')).toEqual(['GET'])
        expect(await costs('/add')).toEqual(['GET', change])
        now += 300_000
        expect(await costs('/read')).toEqual(['GET', 'EVALSHA'])
        expect(await costs('/login')).toEqual(['GET', 'EVALSHA', 'EVALSHA'])
        // The numbers are the same with an owner.
        expect(await costs('/read')).toEqual(['GET'])
        expect(await costs('/add')).toEqual(['GET', change])
        now += 300_000
        expect(await costs('/read')).toEqual(['GET', 'EVALSHA'])
        expect(await costs('/login')).toEqual(['GET', 'EVALSHA', 'EVALSHA'])
      })
    })
  }
}
