//! Plain data as bytes and back, for a binding that keeps a request's flow between two calls of the
//! engine.
//!
//! Only this crate reads these bytes, and they live no longer than the request. So they have no
//! version. Any input gives a value or `None`, never a panic. Two macros implement the codec where
//! a type is defined: derived decoders of `serde` were a tenth of the WebAssembly module.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use crate::{text::Text, time::Timestamp};

/// A value that can be written to bytes and read back.
pub(crate) trait Codec: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads a value from the front and removes it.
    fn get(from: &mut &[u8]) -> Option<Self>;
}

/// Implements the codec for a struct: its fields in order. Fields after the semicolon are not
/// written, and get their default.
macro_rules! fields {
    ($name:ident { $($field:ident),+ $(,)? $(; $($left_out:ident),+)? }) => {
        impl $crate::codec::Codec for $name {
            fn put(&self, out: &mut alloc::vec::Vec<u8>) {
                $($crate::codec::Codec::put(&self.$field, out);)+
            }

            fn get(from: &mut &[u8]) -> Option<Self> {
                Some(Self {
                    $($field: $crate::codec::Codec::get(from)?,)+
                    $($($left_out: Default::default(),)+)?
                })
            }
        }
    };
}

/// Implements the codec for an enum: the number of the variant, then its fields in order.
macro_rules! variants {
    ($name:ident {
        $($number:literal => $variant:ident $(($($inner:ident),+))? $({ $($field:ident),+ })?),+ $(,)?
    }) => {
        impl $crate::codec::Codec for $name {
            fn put(&self, out: &mut alloc::vec::Vec<u8>) {
                match self {
                    $(Self::$variant $(($($inner),+))? $({ $($field),+ })? => {
                        out.push($number);
                        $($($crate::codec::Codec::put($inner, out);)+)?
                        $($($crate::codec::Codec::put($field, out);)+)?
                    })+
                }
            }

            fn get(from: &mut &[u8]) -> Option<Self> {
                Some(match <u8 as $crate::codec::Codec>::get(from)? {
                    $($number => {
                        $($(let $inner = $crate::codec::Codec::get(from)?;)+)?
                        $($(let $field = $crate::codec::Codec::get(from)?;)+)?
                        Self::$variant $(($($inner),+))? $({ $($field),+ })?
                    })+
                    _ => return None,
                })
            }
        }
    };
}

pub(crate) use {fields, variants};

impl<const N: usize> Codec for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        let (value, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(*value)
    }
}

macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl Codec for $number {
            fn put(&self, out: &mut Vec<u8>) {
                self.to_le_bytes().put(out);
            }

            fn get(from: &mut &[u8]) -> Option<Self> {
                Codec::get(from).map(Self::from_le_bytes)
            }
        })+
    };
}

numbers!(u8, u32, u64);

impl Codec for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        match u8::get(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// Appends the length and the bytes. No value of a request has four gigabytes.
fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).put(out);
    out.extend_from_slice(bytes);
}

fn get_bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(u32::get(from)?).ok()?;
    let (bytes, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(bytes)
}

impl Codec for Bytes {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self, out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        get_bytes(from).map(Self::copy_from_slice)
    }
}

impl Codec for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        core::str::from_utf8(get_bytes(from)?).ok().map(Into::into)
    }
}

impl Codec for Text {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_str().as_bytes(), out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        core::str::from_utf8(get_bytes(from)?).ok().map(Into::into)
    }
}

impl Codec for Timestamp {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_millis().put(out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        u64::get(from).map(Self::from_millis)
    }
}

impl Codec for Duration {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_secs().put(out);
        self.subsec_nanos().put(out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        let (seconds, nanos) = (u64::get(from)?, u32::get(from)?);
        // A larger number would overflow into the seconds.
        (nanos < 1_000_000_000).then(|| Self::new(seconds, nanos))
    }
}

impl<T: Codec> Codec for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        if bool::get(from)? { T::get(from).map(Some) } else { Some(None) }
    }
}

impl<T: Codec> Codec for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        T::get(from).map(Self::new)
    }
}

impl<T: Codec> Codec for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        for value in self {
            true.put(out);
            value.put(out);
        }
        false.put(out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        let mut values = Self::new();
        while bool::get(from)? {
            values.push(T::get(from)?);
        }
        Some(values)
    }
}

impl<A: Codec, B: Codec> Codec for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        Some((A::get(from)?, B::get(from)?))
    }
}
