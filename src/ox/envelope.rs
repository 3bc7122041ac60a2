//! XML in and out: writing a request's envelope, reading an answer's.
//!
//! Names are always told apart by namespace, never by prefix: OX's prefixes differ from service to
//! service. An answer becomes a small tree in which `xsi:nil` elements are already gone, because
//! nil and absent mean the same to OX; a user answers with some hundred of them.

use std::fmt::{self, Write as _};

use quick_xml::NsReader;
use quick_xml::escape::{partial_escape, resolve_predefined_entity};
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceResolver, ResolveResult};

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Elements deeper than this are no answer of OX (its deepest is 9), but could exhaust memory.
pub(super) const MAX_DEPTH: usize = 40;

/// Attributes of one element; OX's have two or three.
pub(super) const MAX_ATTRIBUTES: usize = 64;

/// Elements of one answer. One of OX's own takes some 30 bytes, so this is as much as the longest
/// answer that is read can hold; tiny ones would take many times the answer's size in memory.
const MAX_ELEMENTS: usize = 2_000_000;

/// A namespace, as far as drover needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// The envelope.
    Soap,
    /// Operations, parameters and exceptions of all services but one.
    Admin,
    /// Operation, parameters and exceptions of `OXUserCopyService`.
    Copy,
    /// Fields of contexts, users, groups, resources and accounts.
    Objects,
    /// Fields of credentials.
    Auth,
    /// No namespace.
    Unqualified,
    /// Any other.
    Other,
}

impl Space {
    /// The URI of a namespace that requests are written with.
    fn uri(self) -> &'static str {
        match self {
            Self::Soap => SOAP,
            Self::Admin => "http://soap.admin.openexchange.com",
            Self::Copy => "http://soap.copy.user.admin.openexchange.com",
            Self::Objects => "http://dataobjects.soap.admin.openexchange.com/xsd",
            Self::Auth => "http://dataobjects.rmi.admin.openexchange.com/xsd",
            Self::Unqualified | Self::Other => "",
        }
    }

    fn of(resolved: &ResolveResult<'_>) -> Self {
        match resolved {
            ResolveResult::Unbound => Self::Unqualified,
            ResolveResult::Unknown(_) => Self::Other,
            ResolveResult::Bound(Namespace(uri)) => {
                [Self::Soap, Self::Admin, Self::Copy, Self::Objects, Self::Auth]
                    .into_iter()
                    .find(|space| space.uri() == *uri)
                    .unwrap_or(Self::Other)
            }
        }
    }

    /// The prefix it has in our requests.
    fn prefix(self) -> &'static str {
        match self {
            Self::Soap => "soap",
            Self::Objects => "o",
            Self::Auth => "c",
            Self::Admin | Self::Copy | Self::Unqualified | Self::Other => "s",
        }
    }
}

/// A value that cannot be written: the field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unwritable {
    pub(super) field: &'static str,
    pub(super) reason: String,
}

/// Elements of a request, written one after the other.
///
/// The first value that cannot be written is remembered and reported at the end, so that the code
/// that lists fields stays a list of fields.
#[derive(Debug, Default)]
pub(super) struct Elements {
    xml: String,
    problem: Option<Unwritable>,
}

impl Elements {
    /// An element with children.
    pub(super) fn nest(
        &mut self,
        space: Space,
        name: &'static str,
        children: impl FnOnce(&mut Self),
    ) {
        self.raw(format_args!("<{}:{name}>", space.prefix()));
        children(self);
        self.raw(format_args!("</{}:{name}>", space.prefix()));
    }

    /// An element with text; empty text is an empty element.
    pub(super) fn text(&mut self, space: Space, name: &'static str, text: &str) {
        if let Some(bad) = text.chars().find(|c| !is_xml_char(*c)) {
            let reason =
                format!("holds the character U+{:04X}, which XML cannot carry", u32::from(bad));
            self.refuse(name, reason);
        }
        let prefix = space.prefix();
        self.raw(format_args!("<{prefix}:{name}>{}</{prefix}:{name}>", partial_escape(text)));
    }

    /// An element with text, left out if there is none.
    pub(super) fn optional_text(&mut self, space: Space, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(space, name, text);
        }
    }

    /// An element with a number or a boolean.
    pub(super) fn plain(&mut self, space: Space, name: &'static str, value: impl PlainValue) {
        let prefix = space.prefix();
        self.raw(format_args!("<{prefix}:{name}>{value}</{prefix}:{name}>"));
    }

    /// Notes that a field cannot be written; the request will not be sent.
    pub(super) fn refuse(&mut self, field: &'static str, reason: impl Into<String>) {
        self.problem.get_or_insert_with(|| Unwritable { field, reason: reason.into() });
    }

    fn raw(&mut self, piece: fmt::Arguments<'_>) {
        // Writing to a String has no error to report.
        let _infallible = self.xml.write_fmt(piece);
    }

    /// The whole message: an envelope around the operation's element around these elements.
    pub(super) fn envelope(self, service: Space, operation: &str) -> Result<String, Unwritable> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        Ok(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"{SOAP}\" \
             xmlns:s=\"{}\" xmlns:o=\"{}\" xmlns:c=\"{}\"><soap:Body><s:{operation}>{}\
             </s:{operation}></soap:Body></soap:Envelope>",
            service.uri(),
            Space::Objects.uri(),
            Space::Auth.uri(),
            self.xml,
        ))
    }
}

/// Values whose text needs no escaping.
pub(super) trait PlainValue: fmt::Display + Copy {}
impl PlainValue for bool {}
impl PlainValue for i64 {}
impl PlainValue for crate::model::ContextId {}
impl PlainValue for crate::model::OxId {}

/// Whether XML 1.0 can carry the character, escaped or not.
fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// An element of an answer. Elements that are nil are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) space: Space,
    pub(super) name: String,
    /// All text directly in it, as it stands.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The first child of that name.
    pub(super) fn child(&self, space: Space, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.space == space && child.name == name)
    }

    /// All children of that name.
    pub(super) fn all<'a>(&'a self, space: Space, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.space == space && child.name == name)
    }

    /// Text of an object's field.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.child(Space::Objects, name).map(|element| element.text.as_str())
    }

    /// Text of an object's field, owned.
    pub(super) fn owned_field(&self, name: &str) -> Option<String> {
        self.field(name).map(ToOwned::to_owned)
    }

    /// A field that holds a number.
    pub(super) fn number_field<N: std::str::FromStr>(
        &self,
        name: &str,
    ) -> Result<Option<N>, String> {
        self.field(name)
            .map(|text| text.trim().parse().map_err(|_| format!("{name} is not a usable number")))
            .transpose()
    }

    /// A field that holds a boolean.
    pub(super) fn flag_field(&self, name: &str) -> Result<Option<bool>, String> {
        self.child(Space::Objects, name).map(Self::flag).transpose()
    }

    /// The element's text as a boolean.
    pub(super) fn flag(&self) -> Result<bool, String> {
        match self.text.trim() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(format!("{} is neither true nor false", self.name)),
        }
    }
}

/// Why a body is not a SOAP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotSoap {
    /// Something else entirely, such as a proxy's page.
    Foreign,
    /// It starts as an envelope and does not come to its end: something on the way broke it off.
    Cut,
    /// It starts and ends as an envelope, but is broken.
    Broken(String),
}

/// Reads an answer up to its `Body` element.
pub(super) fn read_body(bytes: &[u8]) -> Result<Element, NotSoap> {
    read_whole_body(bytes).map_err(|problem| match problem {
        NotSoap::Broken(_) if !bytes.trim_ascii_end().ends_with(b"Envelope>") => NotSoap::Cut,
        problem => problem,
    })
}

fn read_whole_body(bytes: &[u8]) -> Result<Element, NotSoap> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let envelope = bytes.windows(9).any(|window| window == b":Envelope");
        return Err(if envelope {
            NotSoap::Broken("it is not UTF-8".to_owned())
        } else {
            NotSoap::Foreign
        });
    };
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{FEFF}'));
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                let root = open(&start, reader.resolver()).map_err(|_| NotSoap::Foreign)?;
                if (root.element.space, root.element.name.as_str()) != (Space::Soap, "Envelope") {
                    return Err(NotSoap::Foreign);
                }
                let envelope = read_tree(&mut reader, root).map_err(NotSoap::Broken)?;
                let body = envelope
                    .children
                    .into_iter()
                    .find(|child| child.space == Space::Soap && child.name == "Body");
                return body.ok_or_else(|| NotSoap::Broken("it has no body".to_owned()));
            }
            Ok(Event::Decl(_) | Event::Comment(_) | Event::PI(_)) => {}
            Ok(Event::Text(text)) if text.trim_ascii().is_empty() => {}
            _ => return Err(NotSoap::Foreign),
        }
    }
}

/// An element that is being read, and whether it is nil.
struct Open {
    element: Element,
    nil: bool,
}

fn open(start: &BytesStart<'_>, resolver: &NamespaceResolver) -> Result<Open, String> {
    let (resolved, local) = resolver.resolve_element(start.name());
    let mut nil = false;
    // To look for doubles is quadratic, and they do not matter.
    for (count, attribute) in start.attributes().with_checks(false).enumerate() {
        if count >= MAX_ATTRIBUTES {
            return Err("an element has too many attributes".to_owned());
        }
        let attribute = attribute.map_err(|error| error.to_string())?;
        let (space, name) = resolver.resolve_attribute(attribute.key);
        if name.as_ref() == "nil" && space == ResolveResult::Bound(Namespace(XSI)) {
            nil = matches!(attribute.value.trim(), "true" | "1");
        }
    }
    let element = Element {
        space: Space::of(&resolved),
        name: local.as_ref().to_owned(),
        text: String::new(),
        children: Vec::new(),
    };
    Ok(Open { element, nil })
}

/// Reads to the end of `root` and of the document.
fn read_tree(reader: &mut NsReader<&[u8]>, root: Open) -> Result<Element, String> {
    let mut stack = vec![root];
    let mut elements = 0;
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        elements += usize::from(matches!(event, Event::Start(_) | Event::Empty(_)));
        if elements > MAX_ELEMENTS {
            return Err("it has too many elements".to_owned());
        }
        match event {
            Event::Start(start) => {
                if stack.len() >= MAX_DEPTH {
                    return Err("its elements are nested too deeply".to_owned());
                }
                stack.push(open(&start, reader.resolver())?);
            }
            Event::Empty(start) => {
                let Open { element, nil } = open(&start, reader.resolver())?;
                if let (false, Some(parent)) = (nil, stack.last_mut()) {
                    parent.element.children.push(element);
                }
            }
            Event::End(_) => {
                let Some(Open { element, nil }) = stack.pop() else {
                    return Err("an element ends that never began".to_owned());
                };
                match stack.last_mut() {
                    None => return Ok(element),
                    Some(parent) if !nil => parent.element.children.push(element),
                    Some(_) => {}
                }
            }
            Event::Text(text) => append(&mut stack, &text.xml10_content()),
            Event::CData(text) => append(&mut stack, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                match reference.resolve_char_ref().map_err(|error| error.to_string())? {
                    Some(c) => append(&mut stack, c.encode_utf8(&mut [0; 4])),
                    None => append(
                        &mut stack,
                        resolve_predefined_entity(&reference)
                            .ok_or_else(|| format!("unknown entity {:?}", &*reference))?,
                    ),
                }
            }
            Event::Eof => return Err("it ends too early".to_owned()),
            Event::DocType(_) => return Err("it has a document type".to_owned()),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
        }
    }
}

fn append(stack: &mut [Open], text: &str) {
    if let Some(top) = stack.last_mut() {
        top.element.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(text: &str) -> Result<String, Unwritable> {
        let mut elements = Elements::default();
        elements.nest(Space::Admin, "usr", |e| e.text(Space::Objects, "note", text));
        let message = elements.envelope(Space::Admin, "change")?;
        let body = read_body(message.as_bytes()).unwrap();
        let operation = body.child(Space::Admin, "change").unwrap();
        Ok(operation.child(Space::Admin, "usr").unwrap().owned_field("note").unwrap())
    }

    proptest! {
        #[test]
        fn every_text_survives_the_wire_or_is_refused(
            chars in proptest::collection::vec(any::<char>(), 0..40),
        ) {
            let text: String = chars.into_iter().collect();
            match round_trip(&text) {
                Ok(back) => prop_assert_eq!(back, text),
                Err(problem) => {
                    prop_assert_eq!(problem.field, "note");
                    prop_assert!(text.chars().any(|c| !is_xml_char(c)));
                }
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in any::<Vec<u8>>(), cut in 0usize..400) {
            let _ = read_body(&bytes);
            let whole = format!(
                "<a:Envelope xmlns:a=\"{SOAP}\"><a:Body><x>&lt;&#65;<![CDATA[y]]></x></a:Body></a:Envelope>"
            );
            let cut = cut.min(whole.len());
            prop_assert_eq!(read_body(&whole.as_bytes()[..cut]).is_ok(), cut == whole.len());
        }
    }

    #[test]
    fn line_ends_blanks_and_markup_are_kept_and_control_characters_named() {
        for text in ["a\r\nb\rc\td", " <b>&amp;\"' ", "", "日本 😀 Jürgen"] {
            assert_eq!(round_trip(text).unwrap(), text);
        }
        let problem = round_trip("secret\u{1}word").unwrap_err();
        assert_eq!(problem.field, "note");
        assert!(problem.reason.contains("U+0001") && !problem.reason.contains("secret"));
        assert!(round_trip("\u{FFFE}").is_err() && round_trip("\u{FFFF}").is_err());
    }

    #[test]
    fn nil_is_absent_and_empty_is_not() {
        let message = format!(
            "<e:Envelope xmlns:e=\"{SOAP}\" xmlns:i=\"{XSI}\" xmlns=\"{}\"><e:Body><r>\
             <a i:nil=\"true\"/><b i:nil=\"1\"></b><c/><d i:nil=\"false\">x</d></r></e:Body></e:Envelope>",
            Space::Objects.uri()
        );
        let body = read_body(message.as_bytes()).unwrap();
        let reply = &body.children[0];
        assert_eq!((reply.field("a"), reply.field("b")), (None, None));
        assert_eq!((reply.field("c"), reply.field("d")), (Some(""), Some("x")));
    }

    #[test]
    fn pages_are_foreign_and_cut_envelopes_broken() {
        for page in
            ["", "<!DOCTYPE html><html></html>", "<html/>", "plain", "<Envelope></Envelope>"]
        {
            assert_eq!(read_body(page.as_bytes()), Err(NotSoap::Foreign), "{page}");
        }
        let cut = format!("<e:Envelope xmlns:e=\"{SOAP}\"><e:Body>");
        assert_eq!(read_body(cut.as_bytes()), Err(NotSoap::Cut));
        let mut amid_a_letter = format!("{cut}<x>ü").into_bytes();
        amid_a_letter.pop();
        assert_eq!(read_body(&amid_a_letter), Err(NotSoap::Cut));
        let deep = format!("<e:Envelope xmlns:e=\"{SOAP}\">{}</e:Envelope>", "<x>".repeat(100_000));
        assert!(matches!(read_body(deep.as_bytes()), Err(NotSoap::Broken(_))));
    }
}
