//! Finds numbers that JSON or JavaScript cannot represent, at every depth of a value.

use std::fmt;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// JavaScript's `Number.MAX_SAFE_INTEGER`.
const MAX_SAFE: i128 = (1 << 53) - 1;

/// Why a value cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unserializable {
    /// It has a NaN or an infinity, which JSON does not have. `serde_json` writes `null`, which
    /// does not read back as a number.
    NotFinite,
    /// It has an integer that a JavaScript number cannot represent.
    Unsafe,
    /// Its own `Serialize` failed.
    Failed,
}

/// Refuses a value with such a number. `safe`: also refuse integers that a JavaScript number cannot
/// represent.
pub(super) fn check<V: Serialize + ?Sized>(value: &V, safe: bool) -> Result<(), Unserializable> {
    value.serialize(NumberChecker { safe })
}

/// Whether a JSON string has an integer that a JavaScript number cannot represent.
pub(super) fn is_unsafe(json: &str) -> bool {
    let mut rest = json.bytes().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => {
                while let Some(inside) = rest.next().filter(|inside| *inside != b'"') {
                    if inside == b'\\' {
                        rest.next();
                    }
                }
            }
            b'-' | b'0'..=b'9' => {
                let mut number = String::from(char::from(byte));
                let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                number.extend(std::iter::from_fn(|| rest.next_if(is_part)).map(char::from));
                let is_integer = !number.contains(['.', 'e', 'E']);
                if is_integer && !number.parse().is_ok_and(is_safe) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

fn is_safe(integer: i128) -> bool {
    (-MAX_SAFE..=MAX_SAFE).contains(&integer)
}

impl fmt::Display for Unserializable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "has a number that is not finite, which JSON does not have",
            Self::Unsafe => "has an integer beyond 2^53 - 1, which JavaScript cannot hold; write it as a string",
            Self::Failed => "cannot be written as JSON",
        })
    }
}

impl std::error::Error for Unserializable {}

impl serde::ser::Error for Unserializable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Failed
    }
}

/// A serializer that checks numbers and writes nothing.
#[derive(Clone, Copy)]
struct NumberChecker {
    safe: bool,
}

impl NumberChecker {
    fn integer(self, value: impl TryInto<i128>) -> Result<(), Unserializable> {
        if !self.safe || value.try_into().is_ok_and(is_safe) { Ok(()) } else { Err(Unserializable::Unsafe) }
    }

    fn check<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unserializable> {
        value.serialize(self)
    }
}

/// Scalars that always pass.
macro_rules! accept {
    ($($method:ident($type:ty)),+ $(,)?) => {
        $(fn $method(self, _: $type) -> Result<(), Unserializable> {
            Ok(())
        })+
    };
}

macro_rules! integers {
    ($($method:ident($type:ty)),+ $(,)?) => {
        $(fn $method(self, value: $type) -> Result<(), Unserializable> {
            self.integer(value)
        })+
    };
}

impl Serializer for NumberChecker {
    type Ok = ();
    type Error = Unserializable;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    accept! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_u8(u8), serialize_u16(u16),
        serialize_u32(u32), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]), serialize_unit_struct(&'static str),
    }

    integers! {
        serialize_i64(i64), serialize_u64(u64), serialize_i128(i128), serialize_u128(u128),
    }

    fn serialize_f32(self, value: f32) -> Result<(), Unserializable> {
        if value.is_finite() { Ok(()) } else { Err(Unserializable::NotFinite) }
    }

    fn serialize_f64(self, value: f64) -> Result<(), Unserializable> {
        if value.is_finite() { Ok(()) } else { Err(Unserializable::NotFinite) }
    }

    fn serialize_none(self) -> Result<(), Unserializable> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unserializable> {
        self.check(value)
    }

    fn serialize_unit(self) -> Result<(), Unserializable> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Unserializable> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Unserializable> {
        self.check(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unserializable> {
        self.check(value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Unserializable> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Unserializable> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unserializable> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unserializable> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Unserializable> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unserializable> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unserializable> {
        Ok(self)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Result<(), Unserializable> {
        Ok(())
    }
}

/// Compound types: each part is checked.
macro_rules! parts {
    ($($name:ident::$method:ident($($key:ident: $type:ty)?)),+ $(,)?) => {
        $(impl $name for NumberChecker {
            type Ok = ();
            type Error = Unserializable;

            fn $method<T: Serialize + ?Sized>(&mut self, $($key: $type,)? value: &T) -> Result<(), Unserializable> {
                self.check(value)
            }

            fn end(self) -> Result<(), Unserializable> {
                Ok(())
            }
        })+
    };
}

parts! {
    SerializeSeq::serialize_element(),
    SerializeTuple::serialize_element(),
    SerializeTupleStruct::serialize_field(),
    SerializeTupleVariant::serialize_field(),
    SerializeStruct::serialize_field(_name: &'static str),
    SerializeStructVariant::serialize_field(_name: &'static str),
}

impl SerializeMap for NumberChecker {
    type Ok = ();
    type Error = Unserializable;

    /// A key becomes a string, so its number is not a JavaScript number.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Unserializable> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unserializable> {
        self.check(value)
    }

    fn end(self) -> Result<(), Unserializable> {
        Ok(())
    }
}
