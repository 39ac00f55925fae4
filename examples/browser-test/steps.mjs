// Runs named steps one after the other, keeps going after a failure, counts both.

/** How long one step may take, in milliseconds. */
const LONGEST = 60_000

export class Steps {
  passed = 0
  failed = 0

  /**
   * Runs one step.
   *
   * @param {string} name what it proves
   * @param {() => Promise<void>} prove
   */
  async run(name, prove) {
    const started = performance.now()
    try {
      await within(LONGEST, prove())
      this.passed += 1
      console.log(`ok    ${name} (${Math.round(performance.now() - started)} ms)`)
    } catch (error) {
      this.failed += 1
      console.log(`FAIL  ${name}\n${indent(error?.stack ?? String(error))}`)
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
