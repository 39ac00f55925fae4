// A database of `bun:sqlite` on Bun, and elsewhere the same methods over another SQLite driver.
import { openRaw } from '../../support/sqlite.js'

/** The parameters of a statement: by name, or by position. */
type Given = [Record<string, string>] | string[]

/** The used part of a prepared statement of `bun:sqlite`. */
interface Query {
  get(...given: Given): Record<string, unknown> | null
  all(...given: Given): Record<string, unknown>[]
  run(...given: Given): unknown
}

/** The used part of a database of `bun:sqlite`. */
export interface BunDatabase {
  query(sql: string): Query
}

const bun = 'bun:sqlite'

/** Opens a database. */
export async function openBun(file: string): Promise<BunDatabase> {
  if ('Bun' in globalThis) {
    const { Database } = (await import(/* @vite-ignore */ bun)) as { Database: new (file: string) => BunDatabase }
    return new Database(file)
  }
  const database = openRaw(file)
  return {
    query(sql) {
      // Positional parameters, in the order of their names in the SQL.
      const names = [...sql.matchAll(/\$\w+/g)].map(([name]) => name)
      const statement = database.prepare(sql.replaceAll(/\$\w+/g, '?'))
      const placed = ([first, ...rest]: Given): string[] => {
        if (first === undefined) return []
        return typeof first === 'string' ? [first, ...(rest as string[])] : names.map((name) => first[name] as string)
      }
      return {
        get: (...given) => (statement.get(...placed(given)) as Record<string, unknown> | undefined) ?? null,
        all: (...given) => statement.all(...placed(given)) as Record<string, unknown>[],
        run: (...given) => statement.run(...placed(given)),
      }
    },
  }
}
