// The codes of errors. Written by `cargo xtask facts` from facts/errors.md: change that.

/**
 * The stable names of what can go wrong, the same as in the Rust crates where both have them.
 *
 * | code | meaning | answered as |
 * |---|---|---|
 * | `store_unavailable` | the store could not be reached or did not answer in time; nothing was written | 503 |
 * | `store_unknown` | the store's answer was lost; the changes may or may not have been written | 503 |
 * | `contended` | other requests went on changing the session until the commit's deadline; nothing was written | 503 |
 * | `too_large` | the record, its number of names, the number of updates in one commit (at most 1024), or the sealed cookie is too large | 500 |
 * | `invalid_name` | a name is no string, or longer than 256 bytes | 500 |
 * | `invalid_value` | a value is not JSON that comes back as it was, or nested too deep | 500 |
 * | `inexact_number` | a value holds a number, written by another program, that JavaScript cannot hold; it stays as it is | 500 |
 * | `invalid_text` | an owner is no string of 1 to 256 bytes, or a label is no string | 500 |
 * | `invalid_span` | an idle span is shorter than a second or longer than 400 days or than the absolute span, or an absolute span is over already | 500 |
 * | `not_in_dialect` | the session's dialect has no place for the change, such as an owner in `hono-sessions` | 500 |
 * | `invalid_id` | an id of the app's own has not the form that the dialect asks for | 500 |
 * | `no_swap` | `take` where nothing can hand a value to exactly one request: a sealed cookie, or a store without compare-and-swap | 500 |
 * | `entropy` | the system's source of random bytes failed | 500 |
 * | `head_sent` | a change after the response head had left | 500 |
 * | `answer_used` | the body of the app's answer has been read already, or is locked, so it cannot be sent | 500 |
 * | `upgrade` | a change that needs a cookie, in a request that upgrades to a WebSocket | 500 |
 * | `no_owners` | sessions cannot be listed: the store has no index of owners, or the cookie is the store | 500 |
 * | `no_layer` | there is no session middleware around this handler | 500 |
 * | `update_changes` | the function of an `update` changes the session itself | 500 |
 * | `update_failed` | the function of an `update` threw when it was run again on a newer value | 500 |
 * | `config` | an option that cannot work; the message names the value and the fix | 500 |
 * | `internal` | something that cannot happen did; please report it | 500 |
 */
export type ErrorCode =
  | 'store_unavailable'
  | 'store_unknown'
  | 'contended'
  | 'too_large'
  | 'invalid_name'
  | 'invalid_value'
  | 'inexact_number'
  | 'invalid_text'
  | 'invalid_span'
  | 'not_in_dialect'
  | 'invalid_id'
  | 'no_swap'
  | 'entropy'
  | 'head_sent'
  | 'answer_used'
  | 'upgrade'
  | 'no_owners'
  | 'no_layer'
  | 'update_changes'
  | 'update_failed'
  | 'config'
  | 'internal'

/** The codes of a store's fault, which is answered as 503. */
export type StoreFault = 'store_unavailable' | 'store_unknown' | 'contended'
