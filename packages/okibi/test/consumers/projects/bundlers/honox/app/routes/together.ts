// Makes two writers wait for each other.
import { createRoute } from 'honox/factory'
import { together } from '../storage.js'

export default createRoute((c) => c.text(together()))
