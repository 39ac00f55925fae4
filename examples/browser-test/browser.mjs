// Chromium, and visitors in it: each with cookies of their own and every complaint of the browser noted.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** How a request fails that was under way when the visitor left the page: the icon's, mostly. */
const LEFT = 'net::ERR_ABORTED'

/** Where Chromium lies: `OKIBI_CHROMIUM`, or one of the usual places; undefined if there is none. */
export function findChromium() {
  const wanted = process.env.OKIBI_CHROMIUM
  if (wanted && !existsSync(wanted)) throw new Error(`OKIBI_CHROMIUM: ${wanted} does not exist`)
  return wanted ?? PLACES.find((place) => existsSync(place))
}

export async function launch(executablePath) {
  return new Browser(await chromium.launch({ executablePath, args: FLAGS }))
}

export class Browser {
  #chromium

  /** What pages complained about: script errors, refused content, failed requests. */
  complaints = []

  constructor(browser) {
    this.#chromium = browser
  }

  get version() {
    return this.#chromium.version()
  }

  /** A visitor whom no server has seen yet. */
  async visitor(options = {}) {
    const context = await this.#chromium.newContext({
      viewport: { width: 1200, height: 900 },
      reducedMotion: 'reduce',
      ...options,
    })
    context.setDefaultTimeout(60_000)
    const page = await context.newPage()
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(`${page.url()}: ${message.text()}`)
    })
    page.on('pageerror', (error) => this.complaints.push(`${page.url()}: ${error.message}`))
    page.on('requestfailed', (request) => {
      const reason = request.failure()?.errorText ?? 'failed'
      if (reason !== LEFT) this.complaints.push(`${request.url()}: ${reason}`)
    })
    return new Visitor(context, page)
  }

  close() {
    return this.#chromium.close()
  }
}

export class Visitor {
  constructor(context, page) {
    this.context = context
    this.page = page
  }

  /** Opens a page of a server. */
  async open(server, path = '/', host = 'localhost') {
    return await this.page.goto(server.at(path, host))
  }

  /** The text of an element, each run of white space as one space, or null if it is not there. */
  async text(selector) {
    const element = await this.page.$(selector)
    return element ? (await element.textContent()).trim().replace(/\s+/g, ' ') : null
  }

  /** Fills in the login form and sends it; ends on the page that follows. */
  async logIn(server, email, { password = 'correct', remember = false } = {}) {
    await this.open(server)
    await this.page.fill('#email', email)
    await this.page.fill('#password', password)
    if (remember) await this.page.check('#remember')
    await this.press('#login-button')
  }

  /** Presses a button that sends a form, and waits for the page that follows. */
  async press(selector) {
    await Promise.all([this.page.waitForEvent('load'), this.page.click(selector)])
  }

  /** Sends a form without opening what the answer leads to. */
  async post(server, path, form = {}) {
    return await this.context.request.post(server.at(path), { form, maxRedirects: 0 })
  }

  /** All cookies that the servers gave. */
  async cookies() {
    return await this.context.cookies()
  }

  /** Who the page greets, or null. */
  async greeted() {
    return (await this.text('#greeting'))?.replace(/^Welcome, /, '') ?? null
  }

  async leave() {
    await this.context.close()
  }
}
