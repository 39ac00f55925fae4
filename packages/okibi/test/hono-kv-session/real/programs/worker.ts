// The Worker that serves the site from its own KV namespace, or from its own D1 database.
import { kvClient as cloudflare } from '../../../../src/hono-kv-session/cloudflare.js'
import { kvClient as d1 } from '../../../../src/hono-kv-session/d1.js'
import { site } from '../../support/site.js'
import { server } from '../support/remote.js'

const servers = {
  '/cloudflare': server((options) => site(cloudflare(), options)),
  '/d1': server((options) => site(d1(), options)),
}

export default {
  fetch(request: Request, env: object): Promise<Response> {
    return servers[new URL(request.url).pathname as keyof typeof servers](request, env)
  },
}
