// Tests of a page of the documentation: every project on it is written, checked, run and visited.
import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readPage } from './page.js'
import { projectsOf } from './project.js'
import { Site } from './site.js'

export type { Site } from './site.js'
export type { Answer, Visitor } from './visitor.js'

/** The visits of a served project, or the output that a last command must print before it ends. */
export type Scenario = ((site: Site) => Promise<void>) | string

/**
 * Declares the tests of a page.
 *
 * @param name the page's file in `docs` without its ending, or the path of another document
 * @param scenarios the expectations of each project, by the heading where it begins
 */
export function guide(name: string, scenarios: Readonly<Record<string, Scenario>>): void {
  const page = name.endsWith('.md') ? name : `docs/${name}.md`
  const projects = projectsOf(page, readPage(page), Object.keys(scenarios))
  describe(page, () => {
    test.for(projects)('$name', async (project) => {
      const scenario = scenarios[project.name]
      const site = await Site.make(basename(page, '.md'), project)
      try {
        if (typeof scenario === 'string') {
          expect(await site.runToEnd()).toContain(scenario)
        } else {
          await site.serve()
          await scenario?.(site)
        }
      } catch (error) {
        throw new Error(`${page}, ${project.name}; the program printed:\n${site.printed()}`, { cause: error })
      } finally {
        await site.stop()
      }
    })
  })
}
