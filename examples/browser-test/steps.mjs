// Runs named steps one after the other, keeps going after a failure, counts both.

/** How long one step may take, in milliseconds: a ceiling for what hangs. */
const LONGEST = 240_000

export class Steps {
  passed = 0
  failed = 0

  /**
   * Runs one step.
   *
   * @param {string} name what it proves
   * @param {() => Promise<void>} prove
   * @param {() => Promise<string>} [look] what to add to a failure: where its picture lies
   */
  async run(name, prove, look) {
    const started = performance.now()
    try {
      await within(LONGEST, prove())
      this.passed += 1
      console.log(`ok    ${name} (${Math.round(performance.now() - started)} ms)`)
    } catch (error) {
      this.failed += 1
      const seen = look ? await look().catch((error) => `no picture: ${error.message}`) : ''
      console.log(`FAIL  ${name}\n${indent(`${error?.stack ?? error}\n${seen}`.trimEnd())}`)
    }
  }
}

async function within(milliseconds, work) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${milliseconds} ms`)), milliseconds)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function indent(text) {
  return text.replace(/^/gm, '      ')
}
