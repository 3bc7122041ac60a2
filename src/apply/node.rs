//! A file's content as a tree that knows the line of everything in it.

/// A value, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The line, from 1.
    pub line: usize,
    /// What is there.
    pub value: Value,
}

/// What can be in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A text, number, or yes or no, exactly as it was written: `0815` stays `0815`.
    Scalar(String),
    /// Values in order.
    List(Vec<Node>),
    /// Names with values, in order; the names are different.
    Map(Vec<(Key, Node)>),
}

/// A name in a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The line, from 1.
    pub line: usize,
    /// The name.
    pub text: String,
}

impl Node {
    /// The value under a name, if this is a map that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => {
                entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The n-th value, if this is a list that has so many.
    pub fn nth(&self, n: usize) -> Option<&Self> {
        match &self.value {
            Value::List(items) => items.get(n),
            _ => None,
        }
    }

    /// What kind of value it is, for people.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}
