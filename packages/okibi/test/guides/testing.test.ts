// docs/testing.md, by copying each of its sections.
import { guide } from './support/guide.js'

guide('testing', { Hono: 'pass 3', axum: 'test result: ok. 3 passed' })
