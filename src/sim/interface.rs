//! The interface table: what the six services offer, exactly as their schemas say.
//!
//! Everything that depends on names, namespaces, order or types reads this table: the reader of
//! requests, the writer of answers and the WSDL. It is data (`interface.txt`), so that a slip in
//! the table cannot hide in code.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::world::field::UserField;

const TABLE: &str = include_str!("interface.txt");

/// What newer servers offer besides.
const NEWER: &str = include_str!("interface_newer.txt");

/// What the content of an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    String,
    Int,
    Long,
    Boolean,
    Date,
    Base64,
    Any,
    /// A complex type, by its place in [`Service::types`].
    Object(usize),
}

/// One element of a sequence.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// Namespace of the element; `None` when it is unqualified.
    pub(crate) namespace: Option<&'static str>,
    pub(crate) kind: Kind,
    /// The type as the schema names it: an XML Schema word or `(namespace, name)`.
    pub(crate) type_ref: TypeRef,
    pub(crate) optional: bool,
    pub(crate) repeated: bool,
    pub(crate) nillable: bool,
    /// The user field this element carries, in types that describe users.
    pub(crate) user: Option<UserField>,
}

/// Reference to a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeRef {
    Xsd(&'static str),
    Complex(&'static str, &'static str),
}

/// A sequence of fields: a complex type, or the parameters of an operation.
#[derive(Debug)]
pub(crate) struct TypeDef {
    pub(crate) name: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) base: Option<TypeRef>,
    pub(crate) fields: Vec<Field>,
    by_name: HashMap<&'static str, u16>,
}

impl TypeDef {
    fn new(name: &'static str, namespace: &'static str, base: Option<TypeRef>) -> Self {
        Self { name, namespace, base, fields: Vec::new(), by_name: HashMap::new() }
    }

    fn push(&mut self, field: Field) {
        if let Ok(place) = u16::try_from(self.fields.len()) {
            self.by_name.insert(field.name, place);
            self.fields.push(field);
        }
    }

    /// Place of the field of that local name.
    pub(crate) fn place(&self, name: &str) -> Option<u16> {
        self.by_name.get(name).copied()
    }
}

/// One operation of a service.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) input: TypeDef,
    /// Whether the answer has an element at all; without, the body stays empty.
    pub(crate) answers: bool,
    pub(crate) output: TypeDef,
    /// Set when the schema gives the element a named type instead of an anonymous one.
    pub(crate) input_type: Option<&'static str>,
    pub(crate) output_type: Option<&'static str>,
    pub(crate) faults: Vec<&'static str>,
}

/// A declared fault: its detail element and the one field in it.
#[derive(Debug)]
pub(crate) struct FaultDef {
    pub(crate) name: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) type_name: Option<&'static str>,
    pub(crate) inner: TypeDef,
}

/// One of the six services.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) port_type: &'static str,
    pub(crate) binding: &'static str,
    pub(crate) port: &'static str,
    pub(crate) types: Vec<TypeDef>,
    pub(crate) faults: Vec<FaultDef>,
    pub(crate) operations: Vec<Operation>,
    by_name: HashMap<&'static str, usize>,
}

impl Service {
    /// The operation of that name.
    pub(crate) fn operation(&self, name: &str) -> Option<&Operation> {
        self.by_name.get(name).and_then(|place| self.operations.get(*place))
    }

    /// The type of the field's content, when it is complex.
    pub(crate) fn object(&self, field: &Field) -> Option<&TypeDef> {
        match field.kind {
            Kind::Object(place) => self.types.get(place),
            _ => None,
        }
    }
}

/// The parsed table.
pub(crate) fn services() -> &'static [Service] {
    static SERVICES: OnceLock<Vec<Service>> = OnceLock::new();
    SERVICES.get_or_init(|| Parser::default().run([TABLE]))
}

/// The same with what newer servers offer besides.
fn newer_services() -> &'static [Service] {
    static SERVICES: OnceLock<Vec<Service>> = OnceLock::new();
    SERVICES.get_or_init(|| Parser::default().run([TABLE, NEWER]))
}

/// The service of that name on a newer server.
pub(crate) fn newer_service(name: &str) -> Option<&'static Service> {
    newer_services().iter().find(|service| service.name == name)
}

/// The service of that name.
pub(crate) fn service(name: &str) -> Option<&'static Service> {
    services().iter().find(|service| service.name == name)
}

#[derive(Default)]
struct Parser {
    namespaces: HashMap<&'static str, &'static str>,
    services: Vec<Service>,
}

impl Parser {
    /// Lines the table does not define are skipped; a test holds the count of what was read.
    fn run(mut self, tables: impl IntoIterator<Item = &'static str>) -> Vec<Service> {
        for line in tables.into_iter().flat_map(str::lines) {
            let words: Vec<&'static str> = line.split(' ').collect();
            self.line(&words);
        }
        for service in &mut self.services {
            resolve(service);
        }
        self.services
    }

    fn line(&mut self, words: &[&'static str]) {
        match words {
            ["N", alias, namespace] => {
                self.namespaces.insert(alias, namespace);
            }
            ["S", name, namespace, port_type, binding, port] => {
                let namespace = self.namespace(namespace);
                self.services.push(Service {
                    name,
                    namespace,
                    port_type,
                    binding,
                    port,
                    types: Vec::new(),
                    faults: Vec::new(),
                    operations: Vec::new(),
                    by_name: HashMap::new(),
                });
            }
            ["T", namespace, name, base] => {
                let base = (*base != "-").then(|| self.type_ref(base));
                let namespace = self.namespace(namespace);
                if let Some(service) = self.services.last_mut() {
                    service.types.push(TypeDef::new(name, namespace, base));
                }
            }
            ["E", name, namespace, type_name, field @ ..] => {
                let namespace = self.namespace(namespace);
                let mut inner = TypeDef::new(name, namespace, None);
                if let Some(field) = self.field(field) {
                    inner.push(field);
                }
                let type_name = (*type_name != "-").then_some(*type_name);
                if let Some(service) = self.services.last_mut() {
                    service.faults.push(FaultDef { name, namespace, type_name, inner });
                }
            }
            ["O", name, input_type, answers, output_type] => {
                if let Some(service) = self.services.last_mut() {
                    let namespace = service.namespace;
                    service.by_name.insert(name, service.operations.len());
                    service.operations.push(Operation {
                        name,
                        input: TypeDef::new(name, namespace, None),
                        answers: *answers == "1",
                        output: TypeDef::new(name, namespace, None),
                        input_type: (*input_type != "-").then_some(*input_type),
                        output_type: (*output_type != "-").then_some(*output_type),
                        faults: Vec::new(),
                    });
                }
            }
            ["F", rest @ ..] => {
                let field = self.field(rest);
                let last = self.services.last_mut().and_then(|s| s.types.last_mut());
                if let (Some(field), Some(last)) = (field, last) {
                    last.push(field);
                }
            }
            [kind @ ("P" | "R"), rest @ ..] => {
                let field = self.field(rest);
                let last = self.services.last_mut().and_then(|s| s.operations.last_mut());
                if let (Some(field), Some(last)) = (field, last) {
                    if *kind == "P" { &mut last.input } else { &mut last.output }.push(field);
                }
            }
            ["A", service, operation, field @ ..] => {
                let field = self.field(field);
                let service = self.services.iter_mut().find(|known| known.name == *service);
                let found = service.and_then(|service| {
                    let place = *service.by_name.get(operation)?;
                    service.operations.get_mut(place)
                });
                if let (Some(field), Some(found)) = (field, found) {
                    found.input.push(field);
                }
            }
            ["X", names @ ..] => {
                if let Some(last) = self.services.last_mut().and_then(|s| s.operations.last_mut()) {
                    last.faults = names.to_vec();
                }
            }
            _ => {}
        }
    }

    fn namespace(&self, alias: &str) -> &'static str {
        self.namespaces.get(alias).copied().unwrap_or_default()
    }

    fn type_ref(&self, word: &'static str) -> TypeRef {
        match word.split_once(':') {
            Some((alias, name)) => TypeRef::Complex(self.namespace(alias), name),
            None => TypeRef::Xsd(word),
        }
    }

    fn field(&self, words: &[&'static str]) -> Option<Field> {
        let [name, type_word, min, max, nillable, namespace] = words else { return None };
        let type_ref = self.type_ref(type_word);
        Some(Field {
            name,
            namespace: (*namespace != "-").then(|| self.namespace(namespace)),
            kind: Kind::Any,
            type_ref,
            optional: *min == "0",
            repeated: *max == "*",
            nillable: *nillable == "1",
            user: None,
        })
    }
}

/// Turns type names into places, once all types of the service are known.
fn resolve(service: &mut Service) {
    let places: HashMap<(&str, &str), usize> =
        service.types.iter().enumerate().map(|(i, t)| ((t.namespace, t.name), i)).collect();
    let kind = |reference: TypeRef| match reference {
        TypeRef::Xsd("string") => Kind::String,
        TypeRef::Xsd("int") => Kind::Int,
        TypeRef::Xsd("long") => Kind::Long,
        TypeRef::Xsd("boolean") => Kind::Boolean,
        TypeRef::Xsd("date") => Kind::Date,
        TypeRef::Xsd("base64Binary") => Kind::Base64,
        TypeRef::Xsd(_) => Kind::Any,
        TypeRef::Complex(namespace, name) => {
            places.get(&(namespace, name)).map_or(Kind::Any, |place| Kind::Object(*place))
        }
    };
    for definition in &mut service.types {
        let user = definition.name == "User";
        for field in &mut definition.fields {
            field.kind = kind(field.type_ref);
            field.user = if user { UserField::by_name(field.name) } else { None };
        }
    }
    for operation in &mut service.operations {
        for field in operation.input.fields.iter_mut().chain(&mut operation.output.fields) {
            field.kind = kind(field.type_ref);
        }
    }
    for fault in &mut service.faults {
        for field in &mut fault.inner.fields {
            field.kind = kind(field.type_ref);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood() {
        let count = |letter: &str| {
            TABLE.lines().filter(|line| line.starts_with(&format!("{letter} "))).count()
        };
        let services = services();
        assert_eq!(services.len(), count("S"));
        let types: usize = services.iter().map(|s| s.types.len()).sum();
        let operations: usize = services.iter().map(|s| s.operations.len()).sum();
        let faults: usize = services.iter().map(|s| s.faults.len()).sum();
        let fields: usize =
            services.iter().flat_map(|s| &s.types).map(|t| t.fields.len()).sum::<usize>();
        assert_eq!((types, operations, faults), (count("T"), count("O"), count("E")));
        assert_eq!(fields, count("F"));
    }

    #[test]
    fn newer_servers_offer_all_that_older_ones_do_and_more() {
        for service in services() {
            assert!(newer_service(service.name).is_some());
        }
        let count = |letter: &str| NEWER.lines().filter(|l| l.starts_with(letter)).count();
        let added = newer_services().get(services().len()..).unwrap();
        assert_eq!(added.len(), count("S "));
        assert_eq!(added.iter().map(|s| s.operations.len()).sum::<usize>(), count("O "));
        assert_eq!(added.iter().map(|s| s.types.len()).sum::<usize>(), count("T "));
        let create = |service: Option<&'static Service>| service.unwrap().operation("create");
        let has = |service| create(service).unwrap().input.place("convertguest").is_some();
        assert!(has(newer_service("OXUserService")) && !has(service("OXUserService")));
    }

    #[test]
    fn complex_references_lead_to_types() {
        for service in services().iter().chain(newer_services()) {
            for operation in &service.operations {
                for field in operation.input.fields.iter().chain(&operation.output.fields) {
                    if matches!(field.type_ref, TypeRef::Complex(..)) {
                        assert!(
                            service.object(field).is_some(),
                            "{} {}",
                            operation.name,
                            field.name
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn every_field_of_a_user_is_known() {
        let user = service("OXUserService").unwrap();
        let user = user.types.iter().find(|t| t.name == "User").unwrap();
        assert!(user.fields.iter().all(|field| field.user.is_some()));
    }
}
