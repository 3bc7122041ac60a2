//! Writes queue files the way the directory's own producer does.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::ToSpan;
use jiff::civil::DateTime;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::directory::is_item_name;
use crate::durable::{Durability, replace};
use crate::model::ItemName;

/// Ending of a file that is being written; it follows the whole name.
const UNFINISHED: &str = ".converting.tmp";
/// Queue files hold personal data.
const MODE: u32 = 0o600;

/// Writes queue files with names that only ever go up.
#[derive(Debug)]
pub struct QueueWriter {
    dir: PathBuf,
    next: Mutex<DateTime>,
    durability: Durability,
}

impl QueueWriter {
    /// Writes to `dir`. The first name bears the time `start` (the producer's local time), each
    /// further one a microsecond more than the one before.
    pub fn new(dir: PathBuf, start: DateTime) -> Self {
        Self { dir, next: Mutex::new(start), durability: Durability::Synced }
    }

    /// Does not wait for the disk: much faster, but what was written may be gone after a power cut.
    /// For files that can be made again.
    #[must_use]
    pub fn without_sync(self) -> Self {
        Self { durability: Durability::Lazy, ..self }
    }

    /// Lets the names go on at `moment`, unless they are already past it.
    pub fn advance_to(&self, moment: DateTime) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = moment.max(*next);
    }

    /// A name that this writer has not given yet, after all that it has given.
    ///
    /// # Errors
    /// At the end of the year 9999.
    pub fn next_name(&self) -> io::Result<ItemName> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let name = ItemName::new(&next.strftime("%Y-%m-%d-%H-%M-%S-%6f.json").to_string());
        *next = next.checked_add(1.microsecond()).map_err(io::Error::other)?;
        Ok(name)
    }

    /// Writes a new item under the next name that is free.
    pub fn write(&self, content: &Value) -> io::Result<ItemName> {
        let mut name = self.next_name()?;
        while self.dir.join(name.as_str()).try_exists()? {
            name = self.next_name()?;
        }
        self.write_as(&name, content)?;
        Ok(name)
    }

    /// Writes an item under a given name; one that is there is replaced. Readers see the old
    /// content or the new, never a part.
    pub fn write_as(&self, name: &ItemName, content: &Value) -> io::Result<()> {
        if !is_item_name(name.as_str()) {
            let text = format!("\"{name}\" is not the name of a queue file");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let path = self.dir.join(name.as_str());
        let unfinished = self.dir.join(format!("{name}{UNFINISHED}"));
        replace(&path, &unfinished, &to_bytes(content)?, MODE, self.durability)
    }

    /// Where it writes to.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// The producer's JSON: sorted keys, four blanks of indent, nothing but ASCII.
pub(crate) fn to_bytes(content: &Value) -> io::Result<Vec<u8>> {
    let mut content = content.clone();
    content.sort_all_objects();
    let mut bytes = Vec::new();
    let formatter = Ascii(PrettyFormatter::with_indent(b"    "));
    content.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
    Ok(bytes)
}

/// Indents, and writes `\u` escapes for all that is not ASCII.
struct Ascii(PrettyFormatter<'static>);

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for char in fragment.chars() {
            // Delete is the one unprintable character that JSON itself does not ask to escape.
            if char.is_ascii() && char != '\u{7f}' {
                write!(writer, "{char}")?;
            } else {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_looks_like_the_producers() {
        let dir = tempfile::tempdir().unwrap();
        let writer =
            QueueWriter::new(dir.path().to_owned(), date(2025, 3, 3).at(8, 0, 1, 104_233_000));
        let content = json!({"id": "ä😀\"\n\u{7f}", "b": [1, {"z": null, "a": []}], "a": {}});
        let name = writer.write(&content).unwrap();
        assert_eq!(name.as_str(), "2025-03-03-08-00-01-104233.json");
        let path = dir.path().join(name.as_str());
        let expected = "{\n    \"a\": {},\n    \"b\": [\n        1,\n        {\n            \"a\": [],\n            \"z\": null\n        }\n    ],\n    \"id\": \"\\u00e4\\ud83d\\ude00\\\"\\n\\u007f\"\n}";
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), content);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no rest");
    }

    #[test]
    fn names_only_go_up_and_never_hit_another_file() {
        let dir = tempfile::tempdir().unwrap();
        let start = date(2025, 12, 31).at(23, 59, 59, 999_998_000);
        let writer = QueueWriter::new(dir.path().to_owned(), start).without_sync();
        std::fs::write(dir.path().join("2025-12-31-23-59-59-999999.json"), "mine").unwrap();
        let mut names = vec![writer.next_name().unwrap()];
        names.push(writer.write(&json!({})).unwrap());
        writer.advance_to(date(2024, 1, 1).at(0, 0, 0, 0));
        names.push(writer.write(&json!({})).unwrap());
        writer.advance_to(date(2026, 1, 2).at(0, 0, 0, 0));
        names.push(writer.write(&json!({})).unwrap());
        let names: Vec<&str> = names.iter().map(ItemName::as_str).collect();
        assert_eq!(
            names,
            [
                "2025-12-31-23-59-59-999998.json",
                "2026-01-01-00-00-00-000000.json",
                "2026-01-01-00-00-00-000001.json",
                "2026-01-02-00-00-00-000000.json",
            ]
        );
        let kept = std::fs::read(dir.path().join("2025-12-31-23-59-59-999999.json")).unwrap();
        assert_eq!(kept, b"mine");
    }

    #[test]
    fn a_name_outside_the_queue_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let writer = QueueWriter::new(dir.path().to_owned(), date(2025, 3, 3).at(8, 0, 0, 0));
        for name in ["../a.json", "a.txt", ".a.json"] {
            assert!(writer.write_as(&ItemName::new(name), &json!({})).is_err(), "{name}");
        }
    }
}
