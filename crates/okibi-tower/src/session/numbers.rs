//! Looks for numbers that JSON, or JavaScript, cannot hold, at every depth of a value that is to be written.

use std::fmt;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// The largest integer up to which JavaScript's numbers hold every one: `Number.MAX_SAFE_INTEGER`.
const MOST_SAFE: i128 = (1 << 53) - 1;

/// Why a value cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It has a NaN or an infinity, which JSON does not have. `serde_json` writes `null`, and no number reads that.
    NotFinite,
    /// It has an integer that a JavaScript number cannot hold.
    Unsafe,
    /// Its own `Serialize` failed.
    Failed,
}

/// Refuses a value with such a number in it. `safe`: integers must be ones that a JavaScript number can hold.
pub(super) fn check<V: Serialize + ?Sized>(value: &V, safe: bool) -> Result<(), Unfit> {
    value.serialize(Numbers { safe })
}

/// Whether a JSON text has an integer that a JavaScript number cannot hold.
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
    (-MOST_SAFE..=MOST_SAFE).contains(&integer)
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "has a number that is not finite, which JSON does not have",
            Self::Unsafe => "has an integer beyond 2^53 - 1, which JavaScript cannot hold; write it as a string",
            Self::Failed => "cannot be written as JSON",
        })
    }
}

impl std::error::Error for Unfit {}

impl serde::ser::Error for Unfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Failed
    }
}

/// A serializer that writes nothing.
#[derive(Clone, Copy)]
struct Numbers {
    safe: bool,
}

impl Numbers {
    fn integer(self, value: impl TryInto<i128>) -> Result<(), Unfit> {
        if !self.safe || value.try_into().is_ok_and(is_safe) { Ok(()) } else { Err(Unfit::Unsafe) }
    }

    fn look<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unfit> {
        value.serialize(self)
    }
}

/// Scalars without a number in them, or with one that always fits.
macro_rules! fine {
    ($($method:ident($type:ty)),+ $(,)?) => {
        $(fn $method(self, _: $type) -> Result<(), Unfit> {
            Ok(())
        })+
    };
}

macro_rules! integers {
    ($($method:ident($type:ty)),+ $(,)?) => {
        $(fn $method(self, value: $type) -> Result<(), Unfit> {
            self.integer(value)
        })+
    };
}

impl Serializer for Numbers {
    type Ok = ();
    type Error = Unfit;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fine! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_u8(u8), serialize_u16(u16),
        serialize_u32(u32), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]), serialize_unit_struct(&'static str),
    }

    integers! {
        serialize_i64(i64), serialize_u64(u64), serialize_i128(i128), serialize_u128(u128),
    }

    fn serialize_f32(self, value: f32) -> Result<(), Unfit> {
        if value.is_finite() { Ok(()) } else { Err(Unfit::NotFinite) }
    }

    fn serialize_f64(self, value: f64) -> Result<(), Unfit> {
        if value.is_finite() { Ok(()) } else { Err(Unfit::NotFinite) }
    }

    fn serialize_none(self) -> Result<(), Unfit> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unfit> {
        self.look(value)
    }

    fn serialize_unit(self) -> Result<(), Unfit> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Unfit> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Unfit> {
        self.look(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        self.look(value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Result<(), Unfit> {
        Ok(())
    }
}

/// What has parts: each is looked at, and there is nothing to end.
macro_rules! parts {
    ($($name:ident::$method:ident($($key:ident: $type:ty)?)),+ $(,)?) => {
        $(impl $name for Numbers {
            type Ok = ();
            type Error = Unfit;

            fn $method<T: Serialize + ?Sized>(&mut self, $($key: $type,)? value: &T) -> Result<(), Unfit> {
                self.look(value)
            }

            fn end(self) -> Result<(), Unfit> {
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

impl SerializeMap for Numbers {
    type Ok = ();
    type Error = Unfit;

    /// A key becomes a text, in which JavaScript can hold any number.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Unfit> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        self.look(value)
    }

    fn end(self) -> Result<(), Unfit> {
        Ok(())
    }
}
