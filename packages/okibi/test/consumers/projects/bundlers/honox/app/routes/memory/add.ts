// Counts a visit.
import { createRoute } from 'honox/factory'

export default createRoute((c) => c.text(String(c.get('session').update('visits', (visits = 0) => visits + 1))))
