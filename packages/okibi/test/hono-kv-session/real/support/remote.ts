// Runs the site on another runtime: requests and answers are sent as JSON.
import type { Hono } from 'hono'
import type { SiteOptions } from '../../support/site.js'

/** A request for the site with these options. */
export interface SentRequest {
  readonly options: SiteOptions
  readonly url: string
  readonly method: string
  readonly headers: [string, string][]
  readonly body?: string | undefined
}

/** An answer of the site. */
export interface SentResponse {
  readonly status: number
  readonly headers: [string, string][]
  readonly body: string
}

/** The handler of the server. It makes an app for each set of options. */
export function server(make: (options: SiteOptions) => Hono): (request: Request, env?: object) => Promise<Response> {
  const sites = new Map<string, Hono>()
  return async (request, env) => {
    const { options, url, method, headers, body } = (await request.json()) as SentRequest
    const key = JSON.stringify(options)
    const site = sites.get(key) ?? make(options)
    sites.set(key, site)
    const answer = await site.request(url, { method, headers, ...(body === undefined ? {} : { body }) }, env)
    return Response.json({ status: answer.status, headers: [...answer.headers], body: await answer.text() })
  }
}

/** Sends a request to the server. */
export type Send = (body: string) => Promise<Response>

/** An app that runs in the server. */
export function remote(
  send: Send,
  options: SiteOptions,
): { request(url: string, init?: RequestInit): Promise<Response> } {
  return {
    request: async (path, init = {}) => {
      const sent: SentRequest = {
        options,
        url: new URL(path, 'http://localhost').href,
        method: init.method ?? 'GET',
        headers: [...new Headers(init.headers)],
        body: init.body as string | undefined,
      }
      const reply = await send(JSON.stringify(sent))
      if (!reply.ok) throw new Error(`the server failed: ${await reply.text()}`)
      const { status, headers, body } = (await reply.json()) as SentResponse
      return new Response(status === 204 || status === 304 ? null : body, { status, headers })
    },
  }
}
