// Sessions for /sealed.
import { createRoute } from 'honox/factory'
import { sealed } from '../../sessions.js'

export default createRoute(sealed)
