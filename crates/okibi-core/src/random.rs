//! Random bytes. The engine draws them when it needs them, from a source that the face provides.

use core::fmt;

use crate::error::Refusal;

/// The most random bytes that one call needs.
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

/// Random bytes that were drawn before the call, for a binding that cannot be called during a call.
/// Each byte is used once. A call that needs more is refused with [`Refusal::RandomFailed`].
///
/// Pass [`RANDOM_BYTES`] of them. The steps of [`Engine::load`](crate::Engine::load) need none.
pub struct RandomBytes<'a>(pub &'a [u8]);

impl Random for RandomBytes<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Refusal> {
        let (drawn, rest) = self.0.split_at_checked(bytes.len()).ok_or(Refusal::RandomFailed)?;
        bytes.copy_from_slice(drawn);
        self.0 = rest;
        Ok(())
    }
}

impl fmt::Debug for RandomBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RandomBytes(hidden)")
    }
}
