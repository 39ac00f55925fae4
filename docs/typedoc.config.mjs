// The reference of the npm package: typedoc over what its `exports` name, written as pages of the site.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Converter, ReflectionKind } from 'typedoc'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'packages/okibi')
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** The subpaths that are code: the source file of each, without its ending, and the name by which an app imports it. */
const modules = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([path, { types }]) => ({
    source: types.replace('./dist/', 'packages/okibi/src/').replace(/\.d\.ts$/, ''),
    name: join('okibi', path),
  }))

/** Calls each module as an app imports it. */
function byImport(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
      const found = modules.find(({ source }) => source.replace(/\/index$/, '') === module.name)
      if (!found) throw new Error(`${module.name}: is no module that the package exports`)
      module.name = found.name
    }
  })
}

export default {
  plugin: ['typedoc-plugin-markdown', byImport],
  entryPoints: modules.map(({ source }) => join(root, `${source}.ts`)),
  tsconfig: join(folder, 'tsconfig.build.json'),
  basePath: root,
  outputs: [
    { name: 'markdown', path: join(root, 'docs/reference/typescript') },
    { name: 'json', path: join(process.env.OKIBI_SITE ?? join(root, 'target/site'), '../site-typescript.json') },
  ],
  readme: 'none',
  name: 'TypeScript API',
  disableSources: true,
  excludePrivate: true,
  excludeExternals: true,
  excludeInternal: true,
  // The project's own compiler has checked the sources already.
  skipErrorChecking: true,
  // What is not exported is not documented; the compiler has the last word on it.
  validation: { notExported: false, invalidLink: true, notDocumented: false },
  treatWarningsAsErrors: true,
  logLevel: 'Warn',
  router: 'module',
  entryFileName: 'index.md',
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  // Its anchors are not those of the headings.
  useHTMLAnchors: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  typeDeclarationFormat: 'table',
}
