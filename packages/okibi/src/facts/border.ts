// The numbers of the border. Written by `cargo xtask facts` from facts/border.md: change that.

/** What the engine is asked. */
export const Call = {
  configure: 0,
  open: 1,
  load: 2,
  commit: 3,
  take: 4,
  answer: 5,
  revoke: 6,
  summary: 7,
  vary: 8,
  cacheControl: 9,
  ironSeal: 10,
  ironUnseal: 11,
  claims: 12,
  storedOwner: 13,
  outcome: 14,
  outOfTime: 15,
  differs: 16,
} as const

/** What is added to a call. */
export const Flag = {
  lookUp: 1,
  answered: 65536,
  commitsFailed: 131072,
  said: 262144,
  saidFailed: 524288,
  failed: 1,
  last: 256,
  sendsCookie: 1,
  isLive: 2,
  rawEncryption: 1,
  rawIntegrity: 2,
  noSecret: 4,
} as const

/** How an answer to a step is told to the engine. */
export const Answer = {
  loaded: 0,
  done: 1,
  conflict: 2,
  deleted: 3,
  recomputed: 4,
  notDone: 5,
  unknown: 6,
} as const

/** What the reply to `outcome` is the sum of. */
export const OutcomeBit = {
  hasFailed: 1,
  upgrades: 2,
} as const

/** The options that exclude each other. */
export const Given = {
  store: 1,
  secret: 2,
  chunks: 4,
  maxCookieBytes: 8,
  commitFailedRequests: 16,
  failedWhen: 32,
} as const

export type Call = (typeof Call)[keyof typeof Call]

export type Answer = (typeof Answer)[keyof typeof Answer]
