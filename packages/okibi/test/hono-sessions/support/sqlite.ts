// A database as `bun:sqlite` has it: that itself on Bun, and elsewhere the same few methods over the SQLite that there is.
import { openRaw } from '../../support/sqlite.js'

/** What a statement is given: values by the names in it, or by their place. */
type Given = [Record<string, string>] | string[]

/** A prepared statement of `bun:sqlite`, as far as it is used here. */
interface Query {
  get(...given: Given): Record<string, unknown> | null
  all(...given: Given): Record<string, unknown>[]
  run(...given: Given): unknown
}

/** A database of `bun:sqlite`, as far as it is used here. */
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
      // Parameters by their place, in the order in which the text names them.
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
