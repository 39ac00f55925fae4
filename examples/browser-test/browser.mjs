// Chromium and its visitors. Each visitor has its own cookies, and all complaints of the browser
// are recorded.
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

/** The error of a request that was pending when the visitor left the page. Mostly the icon's. */
const LEFT = 'net::ERR_ABORTED'

/** The path of Chromium: `OKIBI_CHROMIUM`, or one of the usual paths. Undefined if none exists. */
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

  /** The complaints about pages: script errors, blocked content, failed requests. */
  complaints = []

  constructor(browser) {
    this.#chromium = browser
  }

  get version() {
    return this.#chromium.version()
  }

  /** A new visitor without cookies. */
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

  /** The text of an element with white space collapsed, or null if it does not exist. */
  async text(selector) {
    const element = await this.page.$(selector)
    return element ? (await element.textContent()).trim().replace(/\s+/g, ' ') : null
  }

  /** Fills in the login form and submits it. Waits for the next page. */
  async logIn(server, email, { password = 'correct', remember = false } = {}) {
    await this.open(server)
    await this.page.fill('#email', email)
    await this.page.fill('#password', password)
    if (remember) await this.page.check('#remember')
    await this.press('#login-button')
  }

  /** Presses a submit button, and waits for the next page. */
  async press(selector) {
    await Promise.all([this.page.waitForEvent('load'), this.page.click(selector)])
  }

  /** Submits a form without following the redirect. */
  async post(server, path, form = {}) {
    return await this.context.request.post(server.at(path), { form, maxRedirects: 0 })
  }

  /** All cookies of the visitor. */
  async cookies() {
    return await this.context.cookies()
  }

  /** The name in the page's greeting, or null. */
  async greeted() {
    return (await this.text('#greeting'))?.replace(/^Welcome, /, '') ?? null
  }

  async leave() {
    await this.context.close()
  }
}
