// The documents of the repository that are pages of this folder.
import { documentPages } from '../.vitepress/repository.mts'

export default { paths: () => documentPages('project') }
