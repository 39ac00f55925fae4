// The driver that stores the session in the cookie. The middleware's engine seals it; these methods
// are for an app's own use.
import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import type { CookieOptions } from 'hono/utils/cookie'
import { OkibiError } from '../errors.js'
import { decrypt, encrypt } from './crypto.js'
import type { SessionData } from './types.js'

/** The options of a `CookieStore`. The options of the middleware replace them. */
export interface CookieStoreOptions {
  encryptionKey?: string | null
  cookieOptions?: CookieOptions
  sessionCookieName: string
}

/**
 * Sessions in an encrypted cookie. The middleware needs an `encryptionKey` for it.
 *
 * A copy of the cookie opens the session until it expires. Of two parallel responses the later one
 * overwrites the changes of the earlier one. A session that does not fit into a cookie of 4096
 * bytes is an error.
 */
export class CookieStore {
  encryptionKey: string | null | undefined
  cookieOptions: CookieOptions | undefined
  sessionCookieName: string

  constructor(options?: CookieStoreOptions) {
    this.encryptionKey = options?.encryptionKey
    this.cookieOptions = options?.cookieOptions
    this.sessionCookieName = options?.sessionCookieName || 'session'
  }

  /** The session in the request's cookie, or `null`. */
  async getSession(c: Context): Promise<SessionData | null> {
    const cookie = getCookie(c, this.sessionCookieName, this.cookieOptions?.prefix)
    if (!this.encryptionKey || !cookie) return null
    try {
      return JSON.parse((await decrypt(this.encryptionKey, cookie)) as string) as SessionData
    } catch {
      // Forged, sealed with another key, or no session.
      return null
    }
  }

  async createSession(c: Context, initial_data: SessionData): Promise<void> {
    await this.#send(c, JSON.stringify(initial_data))
  }

  async deleteSession(c: Context): Promise<void> {
    await this.#send(c, '')
  }

  async persistSessionData(c: Context, session_data: SessionData): Promise<void> {
    await this.#send(c, JSON.stringify(session_data))
  }

  async #send(c: Context, text: string): Promise<void> {
    if (!this.encryptionKey) {
      throw new OkibiError('config', 'CookieStore: encryptionKey: none given; it must be at least 32 characters long')
    }
    setCookie(c, this.sessionCookieName, await encrypt(this.encryptionKey, text), this.cookieOptions)
  }
}
