//! A tree read as a typed value, with the line and the field of what does not fit.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Key, Node, Value};

/// Longest value that is shown when it does not fit, in bytes.
const MOST_SHOWN: usize = 16;

/// What does not fit, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    /// The line, from 1; 0 as long as nobody knows.
    pub(super) line: usize,
    /// The field, from the outside in.
    pub(super) field: Vec<String>,
    pub(super) told: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(told: T) -> Self {
        Self { line: 0, field: Vec::new(), told: told.to_string() }
    }
}

impl Misfit {
    /// Fills in the line, if nobody further inside knew it.
    fn at(mut self, line: usize) -> Self {
        if self.line == 0 {
            self.line = line;
        }
        self
    }

    fn within(mut self, field: &str) -> Self {
        self.field.insert(0, field.to_owned());
        self
    }
}

/// Reads a tree.
///
/// # Errors
/// The first value that does not fit.
pub(super) fn decode<T: DeserializeOwned>(node: &Node) -> Result<T, Misfit> {
    T::deserialize(Reader(node)).map_err(|misfit| misfit.at(node.line))
}

struct Reader<'a>(&'a Node);

impl Reader<'_> {
    fn misfit(&self, expected: &str) -> Misfit {
        let found = match &self.0.value {
            // What does not fit may be anything: a name or an address that slipped a line.
            Value::Scalar(text) if text.len() <= MOST_SHOWN && !text.contains('@') => {
                format!("\"{text}\"")
            }
            _ => self.0.kind().to_owned(),
        };
        let told = format!("expected {expected}, found {found}");
        Misfit { line: self.0.line, field: Vec::new(), told }
    }

    fn scalar(&self, expected: &str) -> Result<&str, Misfit> {
        match &self.0.value {
            Value::Scalar(text) => Ok(text),
            _ => Err(self.misfit(expected)),
        }
    }
}

macro_rules! number {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            const EXPECTED: &str = "a whole number in range";
            let text = self.scalar(EXPECTED)?;
            let number: $type = text.trim().parse().map_err(|_| self.misfit(EXPECTED))?;
            visitor.$visit(number)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Misfit;

    /// Whatever is there. Scalars are texts as they were written.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.0.value {
            Value::Null => visitor.visit_unit(),
            Value::Scalar(text) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Value::Map(entries) => visitor.visit_map(Entries { entries, next: 0 }),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str(self.scalar("a text")?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.scalar("true or false")?.to_ascii_lowercase().as_str() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(self.misfit("true or false")),
        }
    }

    number! {
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_i64 visit_i64 i64;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.0.value {
            Value::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Value::Null => visitor.visit_seq(Items { items: &[], next: 0 }),
            _ => Err(self.misfit("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.0.value {
            Value::Map(entries) => visitor.visit_map(Entries { entries, next: 0 }),
            Value::Null => visitor.visit_map(Entries { entries: &[], next: 0 }),
            _ => Err(self.misfit("a map")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match &self.0.value {
            Value::Map(entries) => visitor.visit_map(Entries { entries, next: 0 }),
            _ => Err(self.misfit("a map")),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct
        tuple tuple_struct enum identifier ignored_any
    }
}

struct Items<'a> {
    items: &'a [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Misfit> {
        let Some(node) = self.items.get(self.next) else { return Ok(None) };
        self.next += 1;
        seed.deserialize(Reader(node)).map(Some).map_err(|misfit| misfit.at(node.line))
    }
}

struct Entries<'a> {
    entries: &'a [(Key, Node)],
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Misfit> {
        let Some((key, _)) = self.entries.get(self.next) else { return Ok(None) };
        let name = StrDeserializer::new(&key.text);
        seed.deserialize(name)
            .map(Some)
            .map_err(|misfit: Misfit| misfit.at(key.line).within(&key.text))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let Some((key, node)) = self.entries.get(self.next) else {
            return Err(de::Error::custom("a value without a name"));
        };
        self.next += 1;
        seed.deserialize(Reader(node)).map_err(|misfit| misfit.at(node.line).within(&key.text))
    }
}
