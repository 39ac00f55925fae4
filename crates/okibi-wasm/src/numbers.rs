//! The numbers of the border. Written by `cargo xtask facts` from facts/border.md: change that.

/// A call. Frames: the options, as JSON.
pub const CONFIGURE: u32 = 0;
/// A call. Frames: the Cookie header, perhaps the host name of the request's URL.
pub const OPEN: u32 = 1;
/// A call. Frames: flow.
pub const LOAD: u32 = 2;
/// A call. Frames: flow, random, the log as JSON.
pub const COMMIT: u32 = 3;
/// A call. Frames: flow, random, the name.
pub const TAKE: u32 = 4;
/// A call. Frames: flow, random, perhaps the stored value, perhaps the backend's own expiry in milliseconds. The flags
/// have the answer's number.
pub const ANSWER: u32 = 5;
/// A call. Frames: the store key.
pub const REVOKE: u32 = 6;
/// A call. Frames: the stored bytes, their store key, the owner.
pub const SUMMARY: u32 = 7;
/// A call. Frames: the present Vary header. The reply is a JSON string, or null.
pub const VARY: u32 = 8;
/// A call. Frames: the present Cache-Control header. The reply is a JSON string, or null.
pub const CACHE_CONTROL: u32 = 9;
/// A call. Frames: the options, the encryption key, the key of the MAC, the name of the secret, the string, random. The
/// reply is an error's code and the seal.
pub const IRON_SEAL: u32 = 10;
/// A call. Frames: the options, the encryption key, the key of the MAC, the seal. The reply is an error's code and the
/// string.
pub const IRON_UNSEAL: u32 = 11;
/// A call. Frames: the Cookie header. The reply is true or false.
pub const CLAIMS: u32 = 12;
/// A call. Frames: the owner. The reply is the owner as stores know it.
pub const STORED_OWNER: u32 = 13;
/// A call. Frames: none. The flags include the status of the response. The reply is one digit, the sum of the bits of
/// the [outcome](#outcomes).
pub const OUTCOME: u32 = 14;
/// A call. Frames: flow.
pub const OUT_OF_TIME: u32 = 15;
/// A call. Frames: none. In place of the flags is the number of another engine. The reply is the option in which the
/// two differ, as a JSON string, or null.
pub const DIFFERS: u32 = 16;

/// A flag of `open`: also look up the session, if there is an id.
pub const LOOK_UP: u32 = 1;
/// A flag of `outcome`: there is a response; its status is in the bits below the flags.
pub const ANSWERED: u32 = 65_536;
/// A flag of `outcome`: the changes of failed requests are committed too.
pub const COMMITS_FAILED: u32 = 131_072;
/// A flag of `outcome`: the app decided whether the request failed.
pub const SAID: u32 = 262_144;
/// A flag of `outcome`: the app decided that the request failed.
pub const SAID_FAILED: u32 = 524_288;
/// A flag of `commit`: the request failed.
pub const FAILED: u32 = 1;
/// A flag of `commit`, `answer`: the request's last task: the session is not used after it.
pub const LAST: u32 = 256;
/// A flag of `cache_control`: the response has a Set-Cookie header.
pub const SENDS_COOKIE: u32 = 1;
/// A flag of `cache_control`: the handler used a live session.
pub const IS_LIVE: u32 = 2;
/// A flag of `iron_seal`, `iron_unseal`: the encryption key is raw bytes and not a password.
pub const RAW_ENCRYPTION: u32 = 1;
/// A flag of `iron_seal`, `iron_unseal`: the key of the MAC is raw bytes and not a password.
pub const RAW_INTEGRITY: u32 = 2;
/// A flag of `iron_unseal`: no secret has the id in the seal.
pub const NO_SECRET: u32 = 4;

/// An answer. The result of a load: the stored value, if there is one.
pub const LOADED: u32 = 0;
/// An answer. A swap was made.
pub const DONE: u32 = 1;
/// An answer. A swap was not made: the stored value, if there is one.
pub const CONFLICT: u32 = 2;
/// An answer. A key was deleted.
pub const DELETED: u32 = 3;
/// An answer. The function of an update ran again: its result.
pub const RECOMPUTED: u32 = 4;
/// An answer. The store failed, and nothing was written.
pub const NOT_DONE: u32 = 5;
/// An answer. The store failed, and it may or may not have written.
pub const UNKNOWN: u32 = 6;

/// A bit of an outcome: the request failed.
pub const HAS_FAILED: u8 = 1;
/// A bit of an outcome: the response ends HTTP: no headers can be added.
pub const UPGRADES: u8 = 2;

/// Every call.
pub const CALLS: [u32; 17] = [
    CONFIGURE,
    OPEN,
    LOAD,
    COMMIT,
    TAKE,
    ANSWER,
    REVOKE,
    SUMMARY,
    VARY,
    CACHE_CONTROL,
    IRON_SEAL,
    IRON_UNSEAL,
    CLAIMS,
    STORED_OWNER,
    OUTCOME,
    OUT_OF_TIME,
    DIFFERS,
];
