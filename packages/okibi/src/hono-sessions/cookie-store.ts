// The driver whose store is the cookie: the middleware's engine seals it; these methods are for an app's own use.
import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import type { CookieOptions } from 'hono/utils/cookie'
import { OkibiError } from '../errors.js'
import { decrypt, encrypt } from './crypto.js'
import type { SessionData } from './types.js'

/** How a `CookieStore` is made. What the middleware is given takes the place of all this. */
export interface CookieStoreOptions {
  encryptionKey?: string | null
  cookieOptions?: CookieOptions
  sessionCookieName: string
}

/**
 * Sessions in an encrypted cookie. The middleware needs an `encryptionKey` for it.
 *
 * Such a session cannot be ended before it expires if somebody kept its cookie, and of two parallel answers the later
 * overwrites what the earlier changed. A session that does not fit a cookie of 4096 bytes is an error.
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
