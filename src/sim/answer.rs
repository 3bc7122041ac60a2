//! Writes answers straight into one text: results by the interface table, and faults.

use std::fmt::Write as _;

use super::fault::Fault;
use super::interface::{Field, Operation, Service, TypeDef};

const DATA: &str = "http://dataobjects.soap.admin.openexchange.com/xsd";
const AUTH: &str = "http://dataobjects.rmi.admin.openexchange.com/xsd";
const EXCEPTIONS: &str = "http://exceptions.rmi.admin.openexchange.com/xsd";
const RMI: &str = "http://rmi.java/xsd";
const NIL: &str = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\"/>";
const OPEN: &str =
    "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>";
const CLOSE: &str = "</soap:Body></soap:Envelope>";

/// Numbers exceptions: one random number a server start, then one more for each.
#[derive(Debug)]
pub(crate) struct ExceptionIds {
    pub(crate) server: i32,
    pub(crate) next: u64,
}

impl ExceptionIds {
    fn take(&mut self) -> String {
        self.next += 1;
        format!("{}-{}", self.server, self.next)
    }

    /// The fault's text with its ids and tails.
    pub(crate) fn text(&mut self, fault: &Fault) -> String {
        let mut text = String::with_capacity(fault.text.len() + 40);
        let mut rest = fault.text.as_str();
        while let Some((before, after)) = rest.split_once("exceptionID=#") {
            text.push_str(before);
            text.push_str("exceptionID=");
            text.push_str(&self.take());
            rest = after;
        }
        text.push_str(rest);
        for _ in 0..fault.tails {
            text.push_str("; exceptionId ");
            text.push_str(&self.take());
        }
        text
    }
}

/// Namespace prefixes of a service's answers; the services differ in them.
fn prefixes(service: &Service) -> [(&'static str, &'static str); 5] {
    match service.name {
        "OXUserService" => [
            (service.namespace, ""),
            (DATA, "ns2:"),
            (AUTH, "ns3:"),
            (RMI, "ns4:"),
            (EXCEPTIONS, "ns5:"),
        ],
        "OXContextService" => [
            (DATA, ""),
            (service.namespace, "ns2:"),
            (AUTH, "ns3:"),
            (RMI, "ns4:"),
            (EXCEPTIONS, "ns5:"),
        ],
        _ => [
            (DATA, ""),
            (service.namespace, "ns2:"),
            (AUTH, "ns3:"),
            (EXCEPTIONS, "ns4:"),
            (RMI, "ns5:"),
        ],
    }
}

/// An answer in the making.
#[derive(Debug)]
pub(crate) struct Answer {
    text: String,
    prefixes: [(&'static str, &'static str); 5],
}

/// An object being written: its fields are due in the order of its type.
pub(crate) struct Object<'a> {
    answer: &'a mut Answer,
    definition: &'static TypeDef,
    next: usize,
}

impl Answer {
    /// The whole answer of an operation that gives something back.
    pub(crate) fn result(
        service: &Service,
        operation: &'static Operation,
        write: impl FnOnce(&mut Object<'_>),
    ) -> String {
        let mut answer = Self::new(service);
        if !operation.answers {
            return format!("{}{CLOSE}", answer.text);
        }
        let start = answer.prefix(service.namespace);
        answer.text.push('<');
        let _ = write!(answer.text, "{start}{}Response", operation.name);
        answer.declarations(false);
        answer.text.push('>');
        let before = answer.text.len();
        write(&mut Object { answer: &mut answer, definition: &operation.output, next: 0 });
        if answer.text.len() == before {
            answer.text.pop();
            answer.text.push_str("/>");
        } else {
            let _ = write!(answer.text, "</{start}{}Response>", operation.name);
        }
        answer.text.push_str(CLOSE);
        answer.text
    }

    /// The answer that refuses, with its text as [`ExceptionIds::text`] made it.
    pub(crate) fn fault(service: &'static Service, fault: &Fault, text: &str) -> String {
        let mut answer = Self::new(service);
        let out = &mut answer.text;
        let _ = write!(out, "<soap:Fault><faultcode>soap:{}</faultcode>", fault.code.name());
        out.push_str("<faultstring>");
        escape(out, text);
        out.push_str("</faultstring>");
        if !fault.class.is_empty() {
            answer.detail(service, fault.class, text);
        }
        answer.text.push_str("</soap:Fault>");
        answer.text.push_str(CLOSE);
        answer.text
    }

    fn detail(&mut self, service: &'static Service, class: &str, text: &str) {
        let own = self.prefix(service.namespace);
        let _ = write!(self.text, "<detail><{own}{class}");
        self.declarations(true);
        let _ = write!(self.text, "><{own}{class}><{own}Exception{NIL}");
        let known = service.faults.iter().find(|known| known.name == class);
        let inner = known.and_then(|known| known.inner.fields.first());
        if let Some(definition) = inner.and_then(|field| service.object(field)) {
            let prefix = self.prefix(definition.namespace);
            for field in &definition.fields {
                if field.name == "message" {
                    let _ = write!(self.text, "<{prefix}message>");
                    escape(&mut self.text, text);
                    let _ = write!(self.text, "</{prefix}message>");
                } else {
                    let _ = write!(self.text, "<{prefix}{}{NIL}", field.name);
                }
            }
        }
        let _ = write!(self.text, "</{own}{class}></{own}{class}></detail>");
    }

    fn new(service: &Service) -> Self {
        let mut text = String::with_capacity(1024);
        text.push_str(OPEN);
        Self { text, prefixes: prefixes(service) }
    }

    fn prefix(&self, namespace: &str) -> &'static str {
        self.prefixes.iter().find(|known| known.0 == namespace).map_or("", |known| known.1)
    }

    fn declarations(&mut self, reversed: bool) {
        for place in 0..self.prefixes.len() {
            let place = if reversed { self.prefixes.len() - 1 - place } else { place };
            let Some((namespace, prefix)) = self.prefixes.get(place).copied() else { continue };
            let colon = if prefix.is_empty() { "" } else { ":" };
            let prefix = prefix.trim_end_matches(':');
            let _ = write!(self.text, " xmlns{colon}{prefix}=\"{namespace}\"");
        }
    }
}

impl Object<'_> {
    /// Writes what is missing up to that field as nil, and gives the field.
    fn reach(&mut self, name: &str) -> Option<&'static Field> {
        let definition = self.definition;
        while let Some(field) = definition.fields.get(self.next) {
            self.next += 1;
            if field.name == name {
                return Some(field);
            }
            self.nil(field);
        }
        None
    }

    fn nil(&mut self, field: &Field) {
        if field.nillable && !field.repeated {
            let prefix = self.answer.prefix(field.namespace.unwrap_or_default());
            self.answer.text.push('<');
            self.answer.text.push_str(prefix);
            self.answer.text.push_str(field.name);
            self.answer.text.push_str(NIL);
        }
    }

    /// Writes a value. Fields must come in the order of the type; one the type does not have is
    /// the writer's mistake and left out.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        if !self.has(name) {
            return;
        }
        if let Some(field) = self.reach(name) {
            self.element(field, value);
        }
    }

    /// Writes a value, or leaves the field nil.
    pub(crate) fn maybe(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// Writes anything that shows as text.
    pub(crate) fn show(&mut self, name: &str, value: impl std::fmt::Display) {
        self.text(name, &value.to_string());
    }

    /// Writes one element for each value.
    pub(crate) fn texts<'v>(&mut self, name: &str, values: impl IntoIterator<Item = &'v str>) {
        if !self.has(name) {
            return;
        }
        if let Some(field) = self.reach(name) {
            for value in values {
                self.element(field, value);
            }
        }
    }

    /// Writes one object.
    pub(crate) fn object(
        &mut self,
        service: &'static Service,
        name: &str,
        write: impl FnOnce(&mut Object<'_>),
    ) {
        if !self.has(name) {
            return;
        }
        if let Some(field) = self.reach(name) {
            self.child(service, field, write);
        }
    }

    /// Writes one object for each value.
    pub(crate) fn objects<T>(
        &mut self,
        service: &'static Service,
        name: &str,
        values: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Object<'_>, T),
    ) {
        if !self.has(name) {
            return;
        }
        if let Some(field) = self.reach(name) {
            for value in values {
                self.child(service, field, |object| write(object, value));
            }
        }
    }

    /// Whether the type has the field, and it was not passed yet.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.definition.place(name).is_some_and(|place| usize::from(place) >= self.next)
    }

    /// The fields still to come.
    pub(crate) fn definition(&self) -> &'static TypeDef {
        self.definition
    }

    fn element(&mut self, field: &Field, value: &str) {
        let prefix = self.answer.prefix(field.namespace.unwrap_or_default());
        let out = &mut self.answer.text;
        out.push('<');
        out.push_str(prefix);
        out.push_str(field.name);
        if value.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        escape(out, value);
        out.push_str("</");
        out.push_str(prefix);
        out.push_str(field.name);
        out.push('>');
    }

    fn child(
        &mut self,
        service: &'static Service,
        field: &Field,
        write: impl FnOnce(&mut Object<'_>),
    ) {
        let Some(definition) = service.object(field) else { return };
        let prefix = self.answer.prefix(field.namespace.unwrap_or_default());
        let _ = write!(self.answer.text, "<{prefix}{}>", field.name);
        let before = self.answer.text.len();
        let mut object = Object { answer: self.answer, definition, next: 0 };
        write(&mut object);
        object.finish();
        if self.answer.text.len() == before {
            self.answer.text.pop();
            self.answer.text.push_str("/>");
        } else {
            let _ = write!(self.answer.text, "</{prefix}{}>", field.name);
        }
    }

    /// Writes the fields that are left as nil.
    fn finish(&mut self) {
        let definition = self.definition;
        while let Some(field) = definition.fields.get(self.next) {
            self.next += 1;
            self.nil(field);
        }
    }
}

fn escape(out: &mut String, text: &str) {
    let mut start = 0;
    for (place, byte) in text.bytes().enumerate() {
        let entity = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'\r' => "&#xD;",
            _ => continue,
        };
        out.push_str(text.get(start..place).unwrap_or_default());
        out.push_str(entity);
        start = place + 1;
    }
    out.push_str(text.get(start..).unwrap_or_default());
}
