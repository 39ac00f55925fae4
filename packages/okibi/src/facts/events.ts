// The events. Written by `cargo xtask facts` from facts/events.md: change that.

/**
 * What an operator may want to count. It holds no id, secret or value.
 *
 * | event | meaning |
 * |---|---|
 * | `malformed_cookie` | the value of the session cookie is malformed |
 * | `duplicate_cookie` | two different values of the session cookie open, or there are more than two; there is no session |
 * | `forged_cookie` | a signature or seal does not verify, or its secret is not configured |
 * | `incomplete_chunks` | some chunks of a sealed cookie are missing |
 * | `unknown_id` | nothing is stored under the id: it was never issued, the session has ended, or the store lost it |
 * | `expired` | the record is stored, but its idle or absolute timeout is over |
 * | `undecodable_record` | the stored value does not decode |
 * | `rotated_away` | the session of the cookie was rotated; the request is anonymous |
 * | `revoked` | the session of the sealed cookie was destroyed or rotated; the cookie opens nothing |
 * | `followed_marker` | the id of the cookie was renewed; the request uses the successor |
 * | `adopted` | a session of an accepted older dialect was adopted |
 * | `changes_dropped` | the session ended during this request; its changes were dropped |
 * | `conflict` | another request changed the session first; the changes were replayed |
 * | `lost_reply_resolved` | the reply to a write was lost, but the write was made |
 * | `cleanup_failed` | an unused record could not be deleted; it opens nothing and expires |
 */
export type SessionEvent =
  | 'malformed_cookie'
  | 'duplicate_cookie'
  | 'forged_cookie'
  | 'incomplete_chunks'
  | 'unknown_id'
  | 'expired'
  | 'undecodable_record'
  | 'rotated_away'
  | 'revoked'
  | 'followed_marker'
  | 'adopted'
  | 'changes_dropped'
  | 'conflict'
  | 'lost_reply_resolved'
  | 'cleanup_failed'
