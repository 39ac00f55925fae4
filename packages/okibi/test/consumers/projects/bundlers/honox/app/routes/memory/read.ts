// Returns the number of visits.
import { createRoute } from 'honox/factory'

export default createRoute((c) => c.text(String(c.get('session').get('visits') ?? 'none')))
