//! Random bytes. The engine draws them when it needs them, from a source that the face provides.

use core::fmt;

use zeroize::Zeroize;

use crate::error::Refusal;

/// The most random bytes that one call needs. A [`RandomBytes`] contains that many.
pub const RANDOM_BYTES: usize = 144;

/// The most random bytes that the seal of a cookie needs: two salts of 32 bytes and an IV.
pub(crate) const SEAL_RANDOM: usize = 80;

/// A source of random bytes: the system's CSPRNG, or bytes of it that were drawn before.
///
/// The engine draws as many bytes as it uses: 8 for a changed record, 56 for a new session, none
/// for a load.
pub trait Random {
    /// Fills `bytes` with new random bytes. No byte may be used twice.
    ///
    /// # Errors
    /// [`Refusal::RandomFailed`] if the source fails. The task then ends with this refusal.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Refusal>;
}

impl dyn Random + '_ {
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// Random bytes that were drawn before the call, for a binding that cannot be called during a call,
/// and for tests. Each byte is used once.
pub struct RandomBytes {
    bytes: [u8; RANDOM_BYTES],
    used: usize,
}

impl RandomBytes {
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
}

impl Random for RandomBytes {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Refusal> {
        let end = self.used.saturating_add(bytes.len());
        let part = self.bytes.get(self.used..end).ok_or(Refusal::RandomFailed)?;
        bytes.copy_from_slice(part);
        self.used = end;
        Ok(())
    }
}

impl Drop for RandomBytes {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for RandomBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RandomBytes(hidden)")
    }
}
