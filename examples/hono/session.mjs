// What is in the session, and how it is kept.
import { sessions } from 'okibi'
import { openSqliteStore } from 'okibi/sqlite'
import { WrongArgument } from './arguments.mjs'

/**
 * What is in the session.
 *
 * @typedef {object} Data
 * @property {number} visits how often `GET /` was answered, by either server
 * @property {string} user the e-mail; there only while logged in
 * @property {number} failed_logins there only after a failed login
 * @property {string} message a flash: good news
 * @property {string} error a flash: bad news
 */

/** How long a session lives without activity, in seconds. */
export const IDLE = 15 * 60
/** How long it lives at most, and without activity for those who want to be kept signed in. */
export const LONGEST = 30 * 24 * 60 * 60

/** The middleware that gives every request its session. */
export function sessionsIn({ store, database, secretFile, secrets }) {
  const options = { persistent: false, idle: IDLE, absolute: LONGEST }
  if (store === 'sqlite') return sessions({ store: opened(database), ...options })
  try {
    return sessions({ secret: secrets, ...options })
  } catch (error) {
    throw new WrongArgument(`--secret-file ${secretFile}: ${error.message}; write one of at least 32 bytes into it`)
  }
}

function opened(database) {
  try {
    const store = openSqliteStore(database)
    purgeNowAndThen(store)
    return store
  } catch (error) {
    throw new Error(`--database ${database}: ${error.message}; give a file in a folder that can be written`)
  }
}

/** Removes what has expired from the file. Nobody could open it any more; it only takes up room. */
function purgeNowAndThen(store) {
  const purge = () =>
    store.purge().catch((error) => {
      console.error(`expired sessions stay in the database for now: ${error.message}`)
    })
  purge()
  setInterval(purge, 60 * 60 * 1000)
}
