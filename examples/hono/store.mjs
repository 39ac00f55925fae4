// Where sessions lie: in an SQLite file, or sealed in the cookie.
import { openSqliteStore } from 'okibi/sqlite'

/** The options of okibi that say so. */
export function sessionIn({ store, database, secrets }) {
  return store === 'sqlite' ? { store: opened(database) } : { secret: secrets }
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
