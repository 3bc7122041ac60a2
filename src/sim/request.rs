//! Reads a request by the interface table: names, namespaces and types as strictly, and as
//! leniently, as the server.

use quick_xml::errors::{Error, SyntaxError};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use super::fault::{Class, Code, Fault};
use super::interface::{Field, Kind, Operation, Service, TypeDef};

const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Content of one element.
#[derive(Debug)]
pub(crate) enum Arg {
    Nil,
    /// Numbers, booleans and dates in canonical form.
    Text(String),
    Object(Record),
}

/// Elements of a sequence as sent.
#[derive(Debug)]
pub(crate) struct Record {
    definition: &'static TypeDef,
    values: Vec<(u16, Arg)>,
}

impl Record {
    /// All values of the field, in the order sent.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &Arg> {
        let place = self.definition.place(name);
        self.values.iter().filter(move |value| Some(value.0) == place).map(|value| &value.1)
    }

    /// The value of the field; of repeated ones the last.
    pub(crate) fn get(&self, name: &str) -> Option<&Arg> {
        self.all(name).last()
    }

    /// Whether the type of the record has the field at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.definition.place(name).is_some()
    }

    /// The text of the field; nil and absent are the same.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Arg::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The number in the field.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    /// The object in the field.
    pub(crate) fn object(&self, name: &str) -> Option<&Record> {
        match self.get(name) {
            Some(Arg::Object(record)) => Some(record),
            _ => None,
        }
    }

    /// All objects of the field, without nil ones.
    pub(crate) fn objects(&self, name: &str) -> impl Iterator<Item = &Record> {
        self.all(name).filter_map(|arg| match arg {
            Arg::Object(record) => Some(record),
            _ => None,
        })
    }

    /// All fields and their values, in the order sent.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static Field, &Arg)> {
        self.values.iter().filter_map(|(place, arg)| {
            self.definition.fields.get(usize::from(*place)).map(|field| (field, arg))
        })
    }
}

/// One call.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) service: &'static Service,
    pub(crate) operation: &'static Operation,
    pub(crate) args: Record,
}

/// Reads the envelope.
pub(crate) fn read(service: &'static Service, text: &str) -> Result<Request, Fault> {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    Envelope { xml: reader, text, service }.read()
}

struct Envelope<'i> {
    xml: NsReader<&'i [u8]>,
    text: &'i str,
    service: &'static Service,
}

/// What a start tag opens.
enum Opened {
    Header,
    Body,
    Other,
}

impl Envelope<'_> {
    fn read(&mut self) -> Result<Request, Fault> {
        self.prologue()?;
        loop {
            let (namespace, event) =
                self.xml.read_resolved_event().map_err(|error| broken(self.text, &error))?;
            match event {
                Event::Start(start) => {
                    let opened = match (bound(&namespace), start.local_name().into_inner()) {
                        (Some(SOAP11), "Header") => Opened::Header,
                        (Some(SOAP11), "Body") => Opened::Body,
                        _ => Opened::Other,
                    };
                    match opened {
                        Opened::Header => self.header()?,
                        Opened::Body => return self.body(),
                        Opened::Other => self.skip(&start)?,
                    }
                }
                Event::Eof | Event::End(_) => return Err(self.ended()),
                _ => {}
            }
        }
    }

    /// Everything up to and with the start of the envelope.
    fn prologue(&mut self) -> Result<(), Fault> {
        loop {
            let (namespace, event) =
                self.xml.read_resolved_event().map_err(|error| broken(self.text, &error))?;
            match event {
                Event::Start(start) => {
                    let envelope = start.local_name().into_inner() == "Envelope";
                    return match bound(&namespace) {
                        Some(SOAP11) if envelope => Ok(()),
                        Some(SOAP12) if envelope => Err(Fault {
                            code: Code::VersionMismatch,
                            ..Fault::client(
                                "A SOAP 1.2 message is not valid when sent to a SOAP 1.1 only \
                                 endpoint.",
                            )
                        }),
                        namespace => Err(Fault::client(format!(
                            "\"{}\", the namespace on the \"{}\" element, is not a valid SOAP \
                             version.",
                            namespace.unwrap_or_default(),
                            start.local_name().into_inner()
                        ))),
                    };
                }
                Event::DocType(_) => {
                    let at = self.text.find('[').unwrap_or_else(|| self.offset());
                    let (line, column) = position(self.text, at);
                    return Err(Fault::client(format!(
                        "Error reading XMLStreamReader: Received event DTD, instead of \
                         START_ELEMENT or END_ELEMENT.\n at [row,col {{unknown-source}}]: \
                         [{line},{column}]"
                    )));
                }
                Event::Eof => return Err(self.ended()),
                _ => {}
            }
        }
    }

    /// Headers are ignored unless they must be understood.
    fn header(&mut self) -> Result<(), Fault> {
        let mut misunderstood = Vec::new();
        loop {
            let (namespace, event) =
                self.xml.read_resolved_event().map_err(|error| broken(self.text, &error))?;
            match event {
                Event::Start(start) => {
                    let name = format!(
                        "{{{}}}{}",
                        bound(&namespace).unwrap_or_default(),
                        start.local_name().into_inner()
                    );
                    if self.has_flag(&start, SOAP11, "mustUnderstand") {
                        misunderstood.push(name);
                    }
                    self.skip(&start)?;
                }
                Event::End(_) if misunderstood.is_empty() => return Ok(()),
                Event::End(_) => {
                    return Err(Fault {
                        code: Code::MustUnderstand,
                        ..Fault::client(format!(
                            "MustUnderstand headers: [{}] are not understood.",
                            misunderstood.join(", ")
                        ))
                    });
                }
                Event::Eof => return Err(self.ended()),
                _ => {}
            }
        }
    }

    fn body(&mut self) -> Result<Request, Fault> {
        let operation = self.operation()?;
        let args = self.record(&operation.input, true)?;
        // The rest must at least be well formed, as far as it is there.
        loop {
            match self.xml.read_event() {
                Ok(Event::Eof) => break,
                Ok(_) => {}
                Err(error) => return Err(broken(self.text, &error)),
            }
        }
        Ok(Request { service: self.service, operation, args })
    }

    /// The operation the first element of the body names.
    fn operation(&mut self) -> Result<&'static Operation, Fault> {
        loop {
            let (namespace, event) =
                self.xml.read_resolved_event().map_err(|error| broken(self.text, &error))?;
            match event {
                Event::Start(start) => {
                    let Some(found) = self.service.operation(start.local_name().into_inner())
                    else {
                        return Err(Fault::client("NO_PART_FOUND"));
                    };
                    if bound(&namespace) != Some(self.service.namespace) {
                        return Err(Fault::client("UNEXPECTED_WRAPPER_ELEMENT"));
                    }
                    return Ok(found);
                }
                Event::End(_) => return Err(Fault::client("NO_PART_FOUND")),
                Event::Eof => return Err(self.ended()),
                _ => {}
            }
        }
    }

    /// The children of an element up to its end. Parameters may be without a namespace, fields
    /// of objects may not.
    fn record(&mut self, definition: &'static TypeDef, lenient: bool) -> Result<Record, Fault> {
        let mut values = Vec::new();
        loop {
            let (namespace, event) =
                self.xml.read_resolved_event().map_err(|error| broken(self.text, &error))?;
            match event {
                Event::Start(start) => {
                    let namespace = bound(&namespace);
                    let local = start.local_name();
                    let found = definition
                        .place(local.into_inner())
                        .and_then(|place| {
                            definition.fields.get(usize::from(place)).map(|field| (place, field))
                        })
                        .filter(|(_, field)| {
                            namespace == field.namespace || (lenient && namespace.is_none())
                        });
                    let Some((place, field)) = found else {
                        return Err(unexpected(local.into_inner(), namespace));
                    };
                    let arg = if self.has_flag(&start, XSI, "nil") {
                        self.skip(&start)?;
                        Arg::Nil
                    } else {
                        self.arg(field)?
                    };
                    values.push((place, arg));
                }
                Event::End(_) => return Ok(Record { definition, values }),
                Event::Eof => return Err(self.ended()),
                Event::GeneralRef(reference) => {
                    self.resolve(&reference)?;
                }
                _ => {}
            }
        }
    }

    fn arg(&mut self, field: &'static Field) -> Result<Arg, Fault> {
        if let Some(definition) = self.service.object(field) {
            return self.record(definition, false).map(Arg::Object);
        }
        let text = self.simple()?;
        match field.kind {
            Kind::Int | Kind::Long => {
                if let Some(number) = number(&text) {
                    return Ok(Arg::Text(number.to_string()));
                }
                let end = self.text.get(..self.offset()).and_then(|read| read.rfind("</"));
                let (line, column) = position(self.text, end.unwrap_or_default());
                Err(Fault::client(format!(
                    "Invalid value in line {line} in row {}. Please correct SOAP request.",
                    column + 1
                )))
            }
            Kind::Boolean => Ok(Arg::Text(matches!(text.trim(), "true" | "1").to_string())),
            Kind::Date => date(&text)
                .map(Arg::Text)
                .ok_or_else(|| Fault::client(format!("Unmarshalling Error: {text} "))),
            _ => Ok(Arg::Text(text)),
        }
    }

    /// Text up to the end of the element; blanks are kept.
    fn simple(&mut self) -> Result<String, Fault> {
        let mut text = String::new();
        loop {
            let (namespace, event) =
                self.xml.read_resolved_event().map_err(|error| broken(self.text, &error))?;
            match event {
                Event::Text(part) => text.push_str(&part.xml10_content()),
                Event::CData(part) => text.push_str(&part.into_inner()),
                Event::GeneralRef(reference) => text.push(self.resolve(&reference)?),
                Event::Start(start) => {
                    return Err(unexpected(start.local_name().into_inner(), bound(&namespace)));
                }
                Event::End(_) => return Ok(text),
                Event::Eof => return Err(self.ended()),
                _ => {}
            }
        }
    }

    fn resolve(&self, reference: &BytesRef<'_>) -> Result<char, Fault> {
        let invalid = |text: String| {
            let (line, column) = position(self.text, self.offset());
            Fault {
                code: Code::Server,
                ..Fault::new(
                    Class::Plain,
                    format!("{text}\n at [row,col {{unknown-source}}]: [{line},{column}]"),
                )
            }
        };
        let content = reference.xml10_content();
        let control = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r');
        match (&*content, reference.resolve_char_ref()) {
            (_, Ok(Some(c))) if !control(c) => Ok(c),
            ("lt", _) => Ok('<'),
            ("gt", _) => Ok('>'),
            ("amp", _) => Ok('&'),
            ("quot", _) => Ok('"'),
            ("apos", _) => Ok('\''),
            (text, _) if text.starts_with('#') => {
                let code = text.trim_start_matches('#');
                let code = match code.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => code.parse(),
                };
                Err(invalid(format!(
                    "[com.ctc.wstx.exc.WstxLazyException] Illegal character entity: expansion \
                     character (code 0x{:x}",
                    code.unwrap_or_default()
                )))
            }
            (name, _) => Err(invalid(format!(
                "[com.ctc.wstx.exc.WstxLazyException] Undeclared general entity \"{name}\""
            ))),
        }
    }

    fn has_flag(&self, start: &BytesStart<'_>, namespace: &str, name: &str) -> bool {
        start.attributes().with_checks(false).flatten().any(|attribute| {
            attribute.key.local_name().into_inner() == name
                && matches!(attribute.value.as_ref(), "true" | "1")
                && matches!(
                    self.xml.resolver().resolve_attribute(attribute.key).0,
                    ResolveResult::Bound(Namespace(bound)) if bound == namespace
                )
        })
    }

    fn skip(&mut self, start: &BytesStart<'_>) -> Result<(), Fault> {
        let end = start.to_end().into_owned();
        let skipped = self.xml.read_to_end(end.name());
        skipped.map(|_| ()).map_err(|error| broken(self.text, &error))
    }

    fn offset(&self) -> usize {
        usize::try_from(self.xml.buffer_position()).unwrap_or(self.text.len())
    }

    fn ended(&self) -> Fault {
        let (line, column) = position(self.text, self.text.len());
        Fault::client(format!(
            "Error reading XMLStreamReader: Unexpected EOF; was expecting a close tag\n at \
             [row,col {{unknown-source}}]: [{line},{column}]"
        ))
    }
}

fn bound<'n>(namespace: &ResolveResult<'n>) -> Option<&'n str> {
    match namespace {
        ResolveResult::Bound(Namespace(namespace)) => Some(namespace),
        _ => None,
    }
}

fn unexpected(name: &str, namespace: Option<&str>) -> Fault {
    let uri = namespace.map(|namespace| format!(" (URI={namespace})")).unwrap_or_default();
    let rest = "Please remove that element from SOAP request.";
    Fault::client(format!("Unexpected element \"{name}\"{uri}. {rest}"))
}

fn broken(text: &str, error: &Error) -> Fault {
    let (line, column) = position(text, text.len());
    let what = match error {
        Error::Syntax(SyntaxError::UnclosedTag) => {
            "Unexpected end of input block in end tag".to_owned()
        }
        other => other.to_string(),
    };
    Fault::client(format!(
        "Unmarshalling Error: {what}\n at [row,col {{unknown-source}}]: [{line},{column}] "
    ))
}

/// Line, counted from one, and characters before the offset in it.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    (line, column)
}

/// A number as the server reads it: blanks do not matter, and nothing at all is zero.
fn number(text: &str) -> Option<i64> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '+').collect();
    if digits.is_empty() { Some(0) } else { digits.parse().ok() }
}

/// The day of a date; its zone is ignored. Days the calendar skipped in 1582 move by ten.
fn date(text: &str) -> Option<String> {
    let text = text.trim();
    let day = text.get(..10)?;
    let zone = text.get(10..)?;
    let parts: Vec<&str> = day.split('-').collect();
    let [year, month, date] = parts[..] else { return None };
    let digits =
        |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(year, 4) || !digits(month, 2) || !digits(date, 2) {
        return None;
    }
    let (month_number, date_number): (u8, u8) = (month.parse().ok()?, date.parse().ok()?);
    let offset = |zone: &str| {
        zone.len() == 6
            && zone.starts_with(['+', '-'])
            && zone.get(3..4) == Some(":")
            && zone.bytes().filter(u8::is_ascii_digit).count() == 4
    };
    let zoned = zone.is_empty() || zone == "Z" || offset(zone);
    if !zoned || !(1..=12).contains(&month_number) || !(1..=31).contains(&date_number) {
        return None;
    }
    if year == "1582" && month_number == 10 && (5..=14).contains(&date_number) {
        return Some(format!("{year}-{month}-{:02}", date_number + 10));
    }
    Some(day.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::interface;

    fn wrap(inner: &str) -> String {
        format!(
            "<e:Envelope xmlns:e=\"{SOAP11}\" xmlns:s=\"http://soap.admin.openexchange.com\" \
             xmlns:d=\"http://dataobjects.soap.admin.openexchange.com/xsd\" xmlns:x=\"{XSI}\">\
             <e:Body>{inner}</e:Body></e:Envelope>"
        )
    }

    fn group(inner: &str) -> Result<Request, Fault> {
        read(interface::service("OXGroupService").unwrap(), &wrap(inner))
    }

    #[test]
    fn parameters_may_be_without_namespace_but_fields_may_not() {
        let request = group("<s:getData><ctx><d:id> 7 </d:id></ctx></s:getData>").unwrap();
        assert_eq!(request.args.object("ctx").unwrap().int("id"), Some(7));
        let fault = group("<s:getData><ctx><id>7</id></ctx></s:getData>").unwrap_err();
        assert!(fault.text.starts_with("Unexpected element \"id\"."), "{}", fault.text);
    }

    #[test]
    fn nil_omitted_and_empty_are_told_apart() {
        let request = group(
            "<s:change><s:grp><d:name x:nil=\"1\"/><d:displayname></d:displayname>\
             <d:members/><d:members x:nil=\"true\"/></s:grp></s:change>",
        )
        .unwrap();
        let group = request.args.object("grp").unwrap();
        assert!(matches!(group.get("name"), Some(Arg::Nil)));
        assert_eq!(group.text("displayname"), Some(""));
        assert!(group.get("id").is_none());
        assert_eq!(group.all("members").count(), 2);
        assert_eq!(group.all("members").filter(|m| matches!(m, Arg::Nil)).count(), 1);
    }

    #[test]
    fn references_are_resolved() {
        let request = group(
            "<s:change><s:grp><d:name>a&amp;b&#252;&lt;<![CDATA[<c>]]></d:name></s:grp></s:change>",
        )
        .unwrap();
        assert_eq!(request.args.object("grp").unwrap().text("name"), Some("a&bü<<c>"));
    }

    #[test]
    fn dates_lose_their_zone() {
        assert_eq!(date("1985-07-15+14:00").as_deref(), Some("1985-07-15"));
        assert_eq!(date("1985-07-15Z").as_deref(), Some("1985-07-15"));
        assert_eq!(date(" 1985-07-15 ").as_deref(), Some("1985-07-15"));
        assert_eq!(date("15.07.1985"), None);
        assert_eq!(date(""), None);
        assert_eq!(date("1-01-01"), None);
    }
}
