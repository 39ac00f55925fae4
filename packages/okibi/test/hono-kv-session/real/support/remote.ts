// Runs the site on another runtime: a request travels there as JSON, and so does its answer.
import type { Hono } from 'hono'
import type { SiteOptions } from '../../support/site.js'

/** A request for the site with these options. */
export interface Errand {
  readonly options: SiteOptions
  readonly url: string
  readonly method: string
  readonly headers: [string, string][]
  readonly body?: string | undefined
}

/** What the site answered. */
export interface Outcome {
  readonly status: number
  readonly headers: [string, string][]
  readonly body: string
}

/** The part of a server. `sites` has an app for each of the options. */
export function server(make: (options: SiteOptions) => Hono): (request: Request, env?: object) => Promise<Response> {
  const sites = new Map<string, Hono>()
  return async (request, env) => {
    const { options, url, method, headers, body } = (await request.json()) as Errand
    const key = JSON.stringify(options)
    const site = sites.get(key) ?? make(options)
    sites.set(key, site)
    const answer = await site.request(url, { method, headers, ...(body === undefined ? {} : { body }) }, env)
    return Response.json({ status: answer.status, headers: [...answer.headers], body: await answer.text() })
  }
}

/** What sends an errand to the server. */
export type Send = (body: string) => Promise<Response>

/** The app as if it were here. */
export function remote(
  send: Send,
  options: SiteOptions,
): { request(url: string, init?: RequestInit): Promise<Response> } {
  return {
    request: async (path, init = {}) => {
      const errand: Errand = {
        options,
        url: new URL(path, 'http://localhost').href,
        method: init.method ?? 'GET',
        headers: [...new Headers(init.headers)],
        body: init.body as string | undefined,
      }
      const reply = await send(JSON.stringify(errand))
      if (!reply.ok) throw new Error(`the server failed: ${await reply.text()}`)
      const { status, headers, body } = (await reply.json()) as Outcome
      return new Response(status === 204 || status === 304 ? null : body, { status, headers })
    },
  }
}
