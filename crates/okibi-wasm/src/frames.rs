//! Frames: several byte strings in one buffer. Each has its length in front, in four bytes,
//! little-endian.

use alloc::vec::Vec;

/// The frames of a buffer. They end at a length that does not fit.
pub(crate) fn read(mut buffer: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let (length, rest) = buffer.split_first_chunk::<4>()?;
        let (frame, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        buffer = rest;
        Some(frame)
    })
}

/// Appends one frame.
pub(crate) fn push(buffer: &mut Vec<u8>, frame: &[u8]) {
    // A frame has at most the size of a record, far below four gigabytes.
    buffer.extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
    buffer.extend_from_slice(frame);
}
