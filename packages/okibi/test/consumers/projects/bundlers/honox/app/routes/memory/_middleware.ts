// Sessions for /memory.
import { createRoute } from 'honox/factory'
import { memory } from '../../sessions.js'

export default createRoute(memory)
