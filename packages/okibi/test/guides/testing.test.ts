// Builds and runs each project of docs/testing.md, copied from the page.
import { guide } from './support/guide.js'

guide('testing', { Hono: 'pass 3', axum: 'test result: ok. 3 passed' })
