//! XML for tests: a tree that two messages can be compared by. It shares no code with the client.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

/// An element: prefixes, blanks between elements and attributes other than nil are forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) nil: bool,
    pub(crate) text: String,
    pub(crate) children: Vec<Node>,
}

impl Node {
    pub(crate) fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).filter(|child| !child.nil).map(|child| child.text.as_str())
    }
}

/// The first element in the body of a message; none if the body is empty or the message no XML.
pub(crate) fn operation(message: &str) -> Option<Node> {
    let envelope = parse(message)?;
    let body = envelope.children.into_iter().find(|child| child.name == "Body")?;
    body.children.into_iter().next()
}

/// The tree of a document.
fn parse(document: &str) -> Option<Node> {
    let mut reader = NsReader::from_str(document);
    let mut stack: Vec<Node> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                let node = node(&reader, &start);
                stack.push(node);
            }
            Event::Empty(start) => {
                let node = node(&reader, &start);
                stack.last_mut()?.children.push(node);
            }
            Event::End(_) => {
                let mut node = stack.pop()?;
                if !node.children.is_empty() {
                    assert!(node.text.trim().is_empty(), "mixed content in {}", node.name);
                    node.text.clear();
                }
                match stack.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => return Some(node),
                }
            }
            Event::Text(text) => {
                if let Some(top) = stack.last_mut() {
                    top.text.push_str(&text.xml10_content());
                }
            }
            Event::CData(text) => stack.last_mut().unwrap().text.push_str(&text),
            Event::GeneralRef(name) => {
                let text = match name.resolve_char_ref().unwrap() {
                    Some(c) => c.to_string(),
                    None => match &*name {
                        "lt" => "<".to_owned(),
                        "gt" => ">".to_owned(),
                        "amp" => "&".to_owned(),
                        "quot" => "\"".to_owned(),
                        "apos" => "'".to_owned(),
                        other => panic!("entity {other}"),
                    },
                };
                stack.last_mut().unwrap().text.push_str(&text);
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

fn node(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Node {
    let (namespace, name) = reader.resolver().resolve_element(start.name());
    let namespace = match namespace {
        ResolveResult::Bound(Namespace(uri)) => uri.to_owned(),
        ResolveResult::Unbound => String::new(),
        ResolveResult::Unknown(prefix) => panic!("prefix {prefix}"),
    };
    let nil = start.attributes().any(|attribute| {
        let attribute = attribute.unwrap();
        attribute.key.local_name().as_ref() == "nil" && matches!(&*attribute.value, "true" | "1")
    });
    Node { namespace, name: name.as_ref().to_owned(), nil, text: String::new(), children: vec![] }
}
