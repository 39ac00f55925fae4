// The events. Written by `cargo xtask facts` from facts/events.md: change that.

/**
 * What an operator may want to count. It holds no id, secret or value.
 *
 * | event | meaning |
 * |---|---|
 * | `malformed_cookie` | the session cookie's value has not the form of one |
 * | `duplicate_cookie` | two different values of the session cookie open, or there are more than two: no session |
 * | `forged_cookie` | a signature or seal did not verify, or its secret is not one of the configured secrets |
 * | `incomplete_chunks` | some chunks of a sealed cookie are missing |
 * | `unknown_id` | the id leads to nothing: never issued, ended, or forgotten by the store |
 * | `expired` | the record was there but its idle or absolute time is over |
 * | `undecodable_record` | what lies in the store does not decode |
 * | `rotated_away` | the cookie is of a session that was rotated: the request is anonymous |
 * | `revoked` | the sealed cookie is of a session that was ended or rotated: it opens nothing any more |
 * | `followed_marker` | the cookie is of a session that was renewed: the request goes on in its successor |
 * | `adopted` | the session of an accepted older dialect was taken over |
 * | `changes_dropped` | the session ended while this request was under way: its changes were dropped |
 * | `conflict` | another request changed the session first: the changes were replayed |
 * | `lost_reply_resolved` | a write's reply had been lost, and the write was found to have happened |
 * | `cleanup_failed` | a leftover could not be deleted; it opens nothing and expires by itself |
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
