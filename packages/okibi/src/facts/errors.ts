// The codes of errors. Written by `cargo xtask facts` from facts/errors.md: change that.

/**
 * The stable names of what can go wrong, the same as in the Rust crates where both have them.
 *
 * | code | meaning | answered as |
 * |---|---|---|
 * | `store_unavailable` | the store is not available or did not answer in time; nothing was written | 503 |
 * | `store_unknown` | the store's reply was lost; the changes may or may not have been written | 503 |
 * | `conflict` | other requests changed the session until the commit's deadline; nothing was written | 503 |
 * | `too_large` | the record, its number of names, the number of updates in one commit (at most 1024), or the sealed cookie is too large | 500 |
 * | `invalid_name` | a name is longer than 256 bytes, or is not a string | 500 |
 * | `invalid_value` | a value is not JSON that reads back as it was set, or nests too deep, or has an integer that `Sessions::safe_integers` refuses; or a label is not a string; or the handle of `revokeAllExcept` is empty or not a string | 500 |
 * | `invalid_owner` | an owner is empty, longer than 256 bytes, or not a string | 500 |
 * | `invalid_timeout` | an idle timeout is shorter than 1 second, longer than 400 days, or longer than the absolute timeout; or an absolute timeout is over already | 500 |
 * | `unsupported_by_dialect` | the session's dialect cannot store the change, such as an owner in `hono-sessions` | 500 |
 * | `unsupported_by_store` | the store cannot do this: list sessions by owner, or hand a value to exactly one request (`take`); a sealed cookie can do neither | 500 |
 * | `invalid_id` | an id that the app chose is malformed in its dialect | 500 |
 * | `random_failed` | the source of random bytes failed | 500 |
 * | `mismatch` | the stored value cannot be read: in Rust it does not fit the type of the name, in JavaScript it has a number that JavaScript cannot represent. The value stays as it is | 500 |
 * | `headers_sent` | a change after the response headers were sent | 500 |
 * | `body_used` | the body of the app's response has been read already, or is locked, so it cannot be sent. The commit is over: the changes stay, and the error response sends the cookie | 500 |
 * | `upgrade` | a change that needs a cookie, in a request that upgrades to a WebSocket | 500 |
 * | `no_middleware` | there is no session layer or middleware around the handler | 500 |
 * | `update_changes` | the function of an `update` changes the session itself | 500 |
 * | `update_failed` | the function of an `update` panicked or threw when it was run again on a newer value | 500 |
 * | `config` | an invalid option, two layers or middlewares with one cookie that differ, or two in one app with one store and one namespace; the message names the option | 500 |
 * | `internal` | a bug in okibi; please report it | 500 |
 */
export type ErrorCode =
  | 'store_unavailable'
  | 'store_unknown'
  | 'conflict'
  | 'too_large'
  | 'invalid_name'
  | 'invalid_value'
  | 'invalid_owner'
  | 'invalid_timeout'
  | 'unsupported_by_dialect'
  | 'unsupported_by_store'
  | 'invalid_id'
  | 'random_failed'
  | 'mismatch'
  | 'headers_sent'
  | 'body_used'
  | 'upgrade'
  | 'no_middleware'
  | 'update_changes'
  | 'update_failed'
  | 'config'
  | 'internal'

/** The codes of a store's fault, which is answered as 503. */
export type StoreFault = 'store_unavailable' | 'store_unknown' | 'conflict'
