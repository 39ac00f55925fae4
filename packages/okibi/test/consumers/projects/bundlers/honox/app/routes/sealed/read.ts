// Says how many visits there were.
import { createRoute } from 'honox/factory'

export default createRoute((c) => c.text(String(c.get('session').get('visits') ?? 'none')))
