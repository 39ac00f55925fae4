// Whether requests may await each other.

/** Whether a request may await a promise of another request. On Workers it may not. */
export const sharesPromises: boolean = !('WebSocketPair' in globalThis)
