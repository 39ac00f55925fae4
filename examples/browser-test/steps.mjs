// Runs named steps in sequence, continues after a failure, and counts both.

/** The most time of a step, in milliseconds. It only limits steps that hang. */
const LONGEST = 240_000

export class Steps {
  passed = 0
  failed = 0

  /**
   * Runs a step.
   *
   * @param {string} name its claim
   * @param {() => Promise<void>} prove
   * @param {() => Promise<string>} [look] returns a line for a failure: the path of its picture
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
