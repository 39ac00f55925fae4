//! The random bytes of one call.

use core::fmt;

use zeroize::Zeroize;

use crate::error::Refusal;

/// The most random bytes that one call needs.
pub const RANDOM_BYTES: usize = 144;

/// The most random bytes that the seal of a cookie needs: two salts of 32 bytes and an IV.
pub(crate) const SEAL_RANDOM: usize = 80;

/// Random bytes for one call, from the system's CSPRNG. Each byte is used once.
pub struct Random {
    bytes: [u8; RANDOM_BYTES],
    used: usize,
}

impl Random {
    /// These bytes. They must never be passed twice.
    pub const fn new(bytes: [u8; RANDOM_BYTES]) -> Self {
        Self { bytes, used: 0 }
    }

    /// No bytes, for answers that need none: those to the steps of
    /// [`Engine::load`](crate::Engine::load).
    ///
    /// A call that needs random bytes is refused with [`Refusal::RandomFailed`].
    pub const fn none() -> Self {
        Self { bytes: [0; RANDOM_BYTES], used: RANDOM_BYTES }
    }

    /// The number of unused bytes.
    pub(crate) const fn left(&self) -> usize {
        RANDOM_BYTES - self.used
    }

    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let end = self.used.saturating_add(N);
        let part = self.bytes.get(self.used..end).and_then(|part| part.try_into().ok()).ok_or(Refusal::RandomFailed)?;
        self.used = end;
        Ok(part)
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random(hidden)")
    }
}
