//! The WSDL of a service, written from the interface table.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::interface::{Field, Operation, Service, TypeDef, TypeRef};

const XSD: &str = "http://www.w3.org/2001/XMLSchema";

/// The document, with the address by which the client reached the service.
pub(crate) fn document(service: &Service, location: &str) -> String {
    let mut writer = Writer { out: String::with_capacity(150_000), service, prefixes: Vec::new() };
    writer.prefixes = prefixes(service);
    writer.definitions(location);
    writer.out
}

fn prefixes(service: &Service) -> Vec<(&'static str, String)> {
    let mut namespaces: BTreeSet<&'static str> =
        service.types.iter().map(|t| t.namespace).collect();
    namespaces.insert(service.namespace);
    let mut found = vec![(service.namespace, "tns".to_owned())];
    for namespace in namespaces {
        if namespace != service.namespace {
            found.push((namespace, format!("ns{}", found.len())));
        }
    }
    found
}

struct Writer<'s> {
    out: String,
    service: &'s Service,
    prefixes: Vec<(&'static str, String)>,
}

/// A global element of a schema.
struct Element<'s> {
    name: String,
    type_name: Option<&'s str>,
    content: &'s TypeDef,
}

impl Writer<'_> {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        let _ = self.out.write_fmt(text);
        self.out.push('\n');
    }

    fn definitions(&mut self, location: &str) {
        let service = self.service;
        self.line(format_args!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
        let mut namespaces = String::new();
        for (namespace, prefix) in &self.prefixes {
            let _ = write!(namespaces, " xmlns:{prefix}=\"{namespace}\"");
        }
        self.line(format_args!(
            "<wsdl:definitions name=\"{}\" targetNamespace=\"{}\" \
             xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\" \
             xmlns:soap=\"http://schemas.xmlsoap.org/wsdl/soap/\" \
             xmlns:wsam=\"http://www.w3.org/2007/05/addressing/metadata\" \
             xmlns:wsaw=\"http://www.w3.org/2006/05/addressing/wsdl\" xmlns:xsd=\"{XSD}\"{namespaces}>",
            service.name, service.namespace
        ));
        self.line(format_args!("<wsdl:types>"));
        let mut namespaces: Vec<&str> = self.prefixes.iter().map(|known| known.0).collect();
        namespaces.sort_unstable();
        for namespace in namespaces {
            self.schema(namespace);
        }
        self.line(format_args!("</wsdl:types>"));
        self.messages();
        self.port_type();
        self.binding();
        self.line(format_args!("<wsdl:service name=\"{}\">", service.name));
        self.line(format_args!(
            "<wsdl:port name=\"{}\" binding=\"tns:{}\"><soap:address location=\"{}\"/></wsdl:port>",
            service.port,
            service.binding,
            quick_xml::escape::escape(location)
        ));
        self.line(format_args!("</wsdl:service>\n</wsdl:definitions>"));
    }

    fn reference(&self, reference: TypeRef) -> String {
        match reference {
            TypeRef::Xsd(name) => format!("xsd:{name}"),
            TypeRef::Complex(namespace, name) => {
                let prefix = self.prefixes.iter().find(|known| known.0 == namespace);
                format!("{}:{name}", prefix.map_or("tns", |known| known.1.as_str()))
            }
        }
    }

    fn elements(&self, namespace: &str) -> Vec<Element<'_>> {
        let mut elements = Vec::new();
        if namespace == self.service.namespace {
            for operation in &self.service.operations {
                elements.push(Element {
                    name: operation.name.to_owned(),
                    type_name: operation.input_type,
                    content: &operation.input,
                });
                if operation.answers {
                    elements.push(Element {
                        name: format!("{}Response", operation.name),
                        type_name: operation.output_type,
                        content: &operation.output,
                    });
                }
            }
        }
        for fault in self.service.faults.iter().filter(|fault| fault.namespace == namespace) {
            elements.push(Element {
                name: fault.name.to_owned(),
                type_name: fault.type_name,
                content: &fault.inner,
            });
        }
        elements.sort_by(|left, right| left.name.cmp(&right.name));
        elements
    }

    fn schema(&mut self, namespace: &str) {
        let service = self.service;
        self.line(format_args!(
            "<xsd:schema targetNamespace=\"{namespace}\" elementFormDefault=\"qualified\" \
             attributeFormDefault=\"unqualified\">"
        ));
        for used in self.imports(namespace) {
            self.line(format_args!("<xsd:import namespace=\"{used}\"/>"));
        }
        let mut text = String::new();
        for element in self.elements(namespace) {
            let fields = self.sequence(&element.content.fields);
            let name = &element.name;
            let _ = match element.type_name {
                None => writeln!(
                    text,
                    "<xsd:element name=\"{name}\"><xsd:complexType>\n{fields}</xsd:complexType>\
                     </xsd:element>"
                ),
                Some(type_name) => writeln!(
                    text,
                    "<xsd:element name=\"{name}\" type=\"{}\"/>\n<xsd:complexType \
                     name=\"{type_name}\">\n{fields}</xsd:complexType>",
                    self.own(namespace, type_name)
                ),
            };
        }
        self.out.push_str(&text);
        for definition in service.types.iter().filter(|t| t.namespace == namespace) {
            let fields = self.sequence(&definition.fields);
            let name = definition.name;
            match definition.base {
                None => self.line(format_args!(
                    "<xsd:complexType name=\"{name}\">\n{fields}</xsd:complexType>"
                )),
                Some(base) => {
                    let base = self.reference(base);
                    self.line(format_args!(
                        "<xsd:complexType name=\"{name}\"><xsd:complexContent><xsd:extension \
                         base=\"{base}\">\n{fields}</xsd:extension></xsd:complexContent>\
                         </xsd:complexType>"
                    ));
                }
            }
        }
        self.line(format_args!("</xsd:schema>"));
    }

    fn own(&self, namespace: &str, name: &str) -> String {
        let prefix = self.prefixes.iter().find(|known| known.0 == namespace);
        format!("{}:{name}", prefix.map_or("tns", |known| known.1.as_str()))
    }

    fn imports(&self, namespace: &str) -> BTreeSet<&'static str> {
        let mut used = BTreeSet::new();
        let mut note = |reference: TypeRef| {
            if let TypeRef::Complex(other, _) = reference
                && other != namespace
            {
                used.insert(other);
            }
        };
        for element in self.elements(namespace) {
            element.content.fields.iter().for_each(|field| note(field.type_ref));
        }
        for definition in self.service.types.iter().filter(|t| t.namespace == namespace) {
            definition.fields.iter().for_each(|field| note(field.type_ref));
            definition.base.into_iter().for_each(&mut note);
        }
        used
    }

    fn sequence(&self, fields: &[Field]) -> String {
        let mut out = String::from("<xsd:sequence>\n");
        for field in fields {
            let form = if field.namespace.is_some() { "" } else { " form=\"unqualified\"" };
            let min = if field.optional { " minOccurs=\"0\"" } else { "" };
            let max = if field.repeated { " maxOccurs=\"unbounded\"" } else { "" };
            let nillable = if field.nillable { " nillable=\"true\"" } else { "" };
            let _ = writeln!(
                out,
                "<xsd:element name=\"{}\" type=\"{}\"{form}{min}{max}{nillable}/>",
                field.name,
                self.reference(field.type_ref)
            );
        }
        out.push_str("</xsd:sequence>\n");
        out
    }

    fn messages(&mut self) {
        for operation in &self.service.operations {
            let name = operation.name;
            self.message(name, Some(name.to_owned()), "parameters");
            let response = format!("{name}Response");
            let element = operation.answers.then(|| response.clone());
            self.message(&response, element, "parameters");
        }
        for fault in &self.service.faults {
            let name = format!("{}_Exception", fault.name);
            self.message(&name, Some(fault.name.to_owned()), &name);
        }
    }

    fn message(&mut self, name: &str, element: Option<String>, part: &str) {
        match element {
            None => self.line(format_args!("<wsdl:message name=\"{name}\"/>")),
            Some(element) => self.line(format_args!(
                "<wsdl:message name=\"{name}\"><wsdl:part name=\"{part}\" \
                 element=\"tns:{element}\"/></wsdl:message>"
            )),
        }
    }

    fn port_type(&mut self) {
        self.line(format_args!("<wsdl:portType name=\"{}\">", self.service.port_type));
        for operation in &self.service.operations {
            let name = operation.name;
            self.line(format_args!("<wsdl:operation name=\"{name}\">"));
            self.side("input", name, &format!("urn:{name}"));
            self.side("output", &format!("{name}Response"), &format!("urn:{name}Response"));
            for fault in &operation.faults {
                self.side("fault", &format!("{fault}_Exception"), &format!("urn:{name}{fault}"));
            }
            self.line(format_args!("</wsdl:operation>"));
        }
        self.line(format_args!("</wsdl:portType>"));
    }

    fn side(&mut self, tag: &str, message: &str, action: &str) {
        self.line(format_args!(
            "<wsdl:{tag} name=\"{message}\" message=\"tns:{message}\" wsam:Action=\"{action}\" \
             wsaw:Action=\"{action}\"/>"
        ));
    }

    fn binding(&mut self) {
        self.line(format_args!(
            "<wsdl:binding name=\"{}\" type=\"tns:{}\">\n<soap:binding style=\"document\" \
             transport=\"http://schemas.xmlsoap.org/soap/http\"/>",
            self.service.binding, self.service.port_type
        ));
        for operation in &self.service.operations {
            self.bound(operation);
        }
        self.line(format_args!("</wsdl:binding>"));
    }

    fn bound(&mut self, operation: &Operation) {
        let name = operation.name;
        self.line(format_args!(
            "<wsdl:operation name=\"{name}\"><soap:operation soapAction=\"urn:{name}\" \
             style=\"document\"/>\n\
             <wsdl:input name=\"{name}\"><soap:body use=\"literal\"/></wsdl:input>\n\
             <wsdl:output name=\"{name}Response\"><soap:body use=\"literal\"/></wsdl:output>"
        ));
        for fault in &operation.faults {
            self.line(format_args!(
                "<wsdl:fault name=\"{fault}_Exception\"><soap:fault name=\"{fault}_Exception\" \
                 use=\"literal\"/></wsdl:fault>"
            ));
        }
        self.line(format_args!("</wsdl:operation>"));
    }
}
