// A Redis server for one test.
import { connect } from 'node:net'
import { freePorts } from '../servers.mjs'
import { Program } from './program.mjs'

/** Starts a server on a free port, without files. */
export async function startRedis() {
  const [port] = await freePorts(1)
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const redis = new Program('Redis', ['redis-server', ...settings], { port })
  const accepts = () =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', reject).on('connect', () => socket.destroy())
    })
  await redis.answers(accepts)
  return redis
}
