// The app: its routes are files.
import { createApp } from 'honox/server'

export default createApp()
