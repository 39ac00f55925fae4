// Where sessions are stored: in an SQLite file, or sealed in the cookie.
import { openSqliteStore } from 'okibi/sqlite'

/** The options of okibi for it. */
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

/** Deletes expired sessions from the file periodically. They open nothing and only take up space. */
function purgeNowAndThen(store) {
  const purge = () =>
    store.purge().catch((error) => {
      console.error(`expired sessions could not be deleted: ${error.message}`)
    })
  purge()
  setInterval(purge, 60 * 60 * 1000)
}
