// Sessions for /slow.
import { createRoute } from 'honox/factory'
import { slow } from '../../sessions.js'

export default createRoute(slow)
