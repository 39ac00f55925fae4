// Whether requests may wait for each other.

/** Whether a request may await what another one began. On Workers it may not. */
export const sharesPromises: boolean = !('WebSocketPair' in globalThis)
