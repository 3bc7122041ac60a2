//! A light tree of a message: names with namespaces, nil, text.

use quick_xml::events::Event;
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

/// An element with its children, as far as they matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) nil: bool,
    pub(super) text: String,
    pub(super) children: Vec<Node>,
}

impl Node {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let root = Self { name: String::new(), nil: false, text: String::new(), children: vec![] };
        let mut open = vec![root];
        loop {
            let (namespace, event) = reader.read_resolved_event().ok()?;
            match event {
                Event::Start(start) => {
                    let namespace = match namespace {
                        ResolveResult::Bound(Namespace(namespace)) => namespace,
                        _ => "",
                    };
                    let name = format!("{{{namespace}}}{}", start.local_name().into_inner());
                    let nil = start
                        .attributes()
                        .flatten()
                        .any(|a| a.key.local_name().into_inner() == "nil");
                    open.push(Self { name, nil, text: String::new(), children: vec![] });
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let c = match &*reference.xml10_content() {
                        "lt" => '<',
                        "gt" => '>',
                        "amp" => '&',
                        "quot" => '"',
                        "apos" => '\'',
                        _ => reference.resolve_char_ref().ok()??,
                    };
                    open.last_mut()?.text.push(c);
                }
                Event::End(_) => {
                    let done = open.pop()?;
                    open.last_mut()?.children.push(done);
                }
                Event::Eof => return open.pop()?.children.pop(),
                _ => {}
            }
        }
    }

    pub(super) fn local(&self) -> &str {
        self.name.rsplit('}').next().unwrap_or_default()
    }

    pub(super) fn child(&self, local: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.local() == local)
    }

    pub(super) fn all<'n>(&'n self, local: &'n str) -> impl Iterator<Item = &'n Node> {
        self.children.iter().filter(move |child| child.local() == local)
    }

    pub(super) fn value(&self, local: &str) -> Option<&str> {
        self.child(local).filter(|child| !child.nil).map(|child| child.text.as_str())
    }

    /// The first element of the body.
    pub(super) fn operation(&self) -> Option<&Node> {
        self.child("Body")?.children.first()
    }
}
