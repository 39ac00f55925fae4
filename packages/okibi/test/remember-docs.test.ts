// docs/remember-me.md shows its example as it is.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

test('the page shows the example as it is', () => {
  const [, ...lines] = readFileSync(new URL('./readme/remember.ts', import.meta.url), 'utf8').split('\n')
  const page = readFileSync(new URL('../../../docs/remember-me.md', import.meta.url), 'utf8')
  expect(page).toContain(`\`\`\`ts\n${lines.join('\n')}\`\`\`\n`)
})
