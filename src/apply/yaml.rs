//! YAML as a tree with lines. Over the events of `saphyr-parser`: plain Rust, looked after, and the
//! only one that tells the line of every value, which a wrong name in the middle of a list needs.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::node::{Key, Node, Value};

/// Deepest nesting; a manifest needs five.
const MAX_DEPTH: usize = 64;

/// Most values in one file, those that aliases repeat counted each time: aliases of aliases could
/// otherwise grow without end.
const MAX_NODES: usize = 20_000_000;

/// A value that is being read.
enum Open {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, seen: HashSet<String>, key: Option<Key> },
}

/// Reads all documents of a file; empty ones are left out.
///
/// # Errors
/// The line, and what is wrong there.
pub(super) fn read(text: &str) -> Result<Vec<Node>, (usize, String)> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            (error.marker().line(), format!("not valid YAML: {}", error.info()))
        })?;
        reader.take(event, span.start.line())?;
    }
    Ok(reader.documents)
}

#[derive(Default)]
struct Reader {
    documents: Vec<Node>,
    open: Vec<(usize, usize, Open)>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), (usize, String)> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let nothing = matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if style == ScalarStyle::Plain && nothing {
                    Value::Null
                } else {
                    Value::Scalar(text.into_owned())
                };
                self.put(Node { line, value }, anchor, 1)
            }
            Event::SequenceStart(anchor, _) => self.begin(line, anchor, Open::List(Vec::new())),
            Event::MappingStart(anchor, _) => {
                let (entries, seen) = (Vec::new(), HashSet::new());
                self.begin(line, anchor, Open::Map { entries, seen, key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((line, anchor, open)) = self.open.pop() else { return Ok(()) };
                let value = match open {
                    Open::List(items) => Value::List(items),
                    Open::Map { entries, .. } => Value::Map(entries),
                };
                self.put(Node { line, value }, anchor, 1)
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err((line, "this alias refers to itself".to_owned()));
                };
                self.put(node, 0, size)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, line: usize, anchor: usize, open: Open) -> Result<(), (usize, String)> {
        if self.open.len() >= MAX_DEPTH {
            return Err((line, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        // Aliases copy what is done; how much that was is known from the count at its begin.
        self.open.push((line, anchor, open));
        Ok(())
    }

    /// Puts a value where it belongs.
    fn put(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), (usize, String)> {
        let line = node.line;
        self.nodes += size;
        if self.nodes > MAX_NODES {
            return Err((line, format!("more than {MAX_NODES} values")));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), count(&node)));
        }
        match self.open.last_mut() {
            None if node.value == Value::Null => {}
            None => self.documents.push(node),
            Some((_, _, Open::List(items))) => items.push(node),
            Some((_, _, Open::Map { entries, seen, key })) => match key.take() {
                Some(name) => entries.push((name, node)),
                None => {
                    let Value::Scalar(text) = node.value else {
                        return Err((line, "the name of a field must be a text".to_owned()));
                    };
                    if !seen.insert(text.clone()) {
                        return Err((line, format!("\"{text}\" is there twice")));
                    }
                    *key = Some(Key { line, text });
                }
            },
        }
        Ok(())
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::Null | Value::Scalar(_) => 0,
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|(_, value)| count(value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scalar(line: usize, text: &str) -> Node {
        Node { line, value: Value::Scalar(text.to_owned()) }
    }

    #[test]
    fn values_are_kept_as_written_with_their_lines() {
        let text = "# users\nusers:\n- name: anna\n  phone: 0815\n  gone: ~\n  quoted: \"null\"\n";
        let roots = read(text).unwrap();
        let anna = roots[0].get("users").unwrap().nth(0).unwrap();
        assert_eq!(anna.line, 3);
        assert_eq!(anna.get("phone"), Some(&scalar(4, "0815")));
        assert_eq!(anna.get("gone"), Some(&Node { line: 5, value: Value::Null }));
        assert_eq!(anna.get("quoted"), Some(&scalar(6, "null")));
    }

    #[test]
    fn what_cannot_be_meant_is_told_with_its_line() {
        for (text, line, told) in [
            ("a: 1\na: 2\n", 2, "\"a\" is there twice"),
            ("a:\n  - [b\n", 3, "not valid YAML"),
            ("? [a]\n: 1\n", 1, "must be a text"),
        ] {
            let (found, why) = read(text).unwrap_err();
            assert!(why.contains(told), "{why}");
            assert_eq!(found, line, "{text}: {why}");
        }
    }

    #[test]
    fn aliases_stand_for_what_they_name_but_not_without_end() {
        let roots = read("a: &x [1, 2]\nb: *x\n---\nc: 1\n").unwrap();
        assert_eq!(roots.len(), 2);
        assert_eq!(roots[0].get("b"), roots[0].get("a"));
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for n in 1..30 {
            let before = n - 1;
            let line = format!("a{n}: &a{n} [{}]\n", vec![format!("*a{before}"); 10].join(","));
            bomb.push_str(&line);
        }
        assert!(read(&bomb).unwrap_err().1.contains("more than"));
        let deep = "[".repeat(100);
        assert!(read(&deep).unwrap_err().1.contains("nested deeper"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-a: \\[\\]{}&*!|>'\"#\n\t,?~]{0,40}") {
            let _ = read(&text);
        }
    }
}
