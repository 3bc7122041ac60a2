//! What OX offers: its services by their WSDLs.

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::events::Event;
use quick_xml::reader::Reader;
use reqwest::StatusCode;

use super::{Cut, OxError, SoapClient, excerpt, not_sent_or_lost, read_up_to};

/// Every service that drover uses, with the operations it uses of it.
pub const SERVICES: &[(&str, &[&str])] = &[
    ("OXContextService", &["change", "create", "delete", "exists", "getData"]),
    (
        "OXUserService",
        &[
            "change",
            "changeByModuleAccess",
            "changeMailAddressPersonal",
            "createByModuleAccess",
            "delete",
            "exists",
            "getData",
            "getModuleAccess",
            "getMultipleData",
            "list",
        ],
    ),
    (
        "OXGroupService",
        &[
            "addMember",
            "change",
            "create",
            "delete",
            "getData",
            "listGroupsForUser",
            "removeMember",
        ],
    ),
    ("OXResourceService", &["change", "create", "delete", "getData"]),
    ("OXSecondaryAccountService", &["create", "delete", "list", "update"]),
    ("OXUserCopyService", &["copyUser"]),
];

/// The same of services that only newer servers have.
pub const NEWER_SERVICES: &[(&str, &[&str])] = &[
    (
        "OXSharedAccountService",
        &[
            "change",
            "convertUserToSharedAccount",
            "create",
            "delete",
            "getData",
            "list",
            "setSharedAccountPermissions",
        ],
    ),
    (
        "OXDeputyPermissionsService",
        &["blockManual", "grant", "list", "revoke", "revokeAll", "unblockManual", "update"],
    ),
];

impl SoapClient {
    /// The operations of a service, as its WSDL lists them; none if OX does not have the service.
    ///
    /// # Errors
    /// If OX does not answer, or with something else than a WSDL.
    pub async fn offered(
        &self,
        service: &'static str,
    ) -> Result<Option<BTreeSet<String>>, OxError> {
        let wsdl = self.wsdl(service).await?;
        Ok(wsdl.as_deref().and_then(operations))
    }

    /// A service's WSDL; none if OX does not have the service.
    pub(super) async fn wsdl(&self, service: &'static str) -> Result<Option<Vec<u8>>, OxError> {
        let mut url = self.base.clone();
        let prefix = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}/webservices/{service}"));
        url.set_query(Some("wsdl"));
        let request = self.http.get(url).timeout(self.deadlines.read);
        let sent = request.send().await;
        let mut response = sent.map_err(|error| not_sent_or_lost(service, error))?;
        let status = response.status();
        let read = read_up_to(&mut response, self.max_answer_bytes, self.answer_idle).await;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let bytes = match read {
            Ok(bytes) | Err(Cut::TooLong(bytes)) => bytes,
            Err(Cut::Broken(_, reason)) => {
                return Err(OxError::Lost { operation: service, reason });
            }
        };
        match operations(&bytes) {
            Some(_) if status == StatusCode::OK => Ok(Some(bytes)),
            _ => Err(OxError::Http {
                operation: service,
                status: status.as_u16(),
                reason: excerpt::excerpt(&bytes, status.canonical_reason()),
                retry_after: None,
            }),
        }
    }
}

/// Names of the operations in a WSDL; none if it is not one.
fn operations(wsdl: &[u8]) -> Option<BTreeSet<String>> {
    let mut reader = Reader::from_reader(wsdl);
    let (mut found, mut in_port, mut is_wsdl) = (BTreeSet::new(), false, false);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) | Event::Empty(start) => match start.local_name().as_ref() {
                "definitions" => is_wsdl = true,
                "portType" => in_port = true,
                "operation" if in_port => {
                    let name = start.try_get_attribute("name").ok()??;
                    found.insert(name.value.into_owned());
                }
                _ => {}
            },
            Event::End(end) if end.local_name().as_ref() == "portType" => in_port = false,
            Event::Eof => return is_wsdl.then_some(found),
            _ => {}
        }
    }
}

/// Whether an operation takes a parameter of that name.
pub(super) fn takes(wsdl: &[u8], operation: &str, parameter: &str) -> bool {
    type_of(wsdl, operation, parameter).is_some()
}

/// Local name of the type of an operation's parameter, empty if it has none of a name; none if there is
/// no such parameter: an element inside the operation's own element, or inside the type that this refers
/// to.
pub(super) fn type_of(wsdl: &[u8], operation: &str, parameter: &str) -> Option<String> {
    let mut reader = Reader::from_reader(wsdl);
    // Local names of what is open below a schema: name and type of each.
    let (mut open, mut in_schema) = (Vec::<Option<String>>::new(), false);
    let (mut holders, mut type_name) = (BTreeMap::new(), None);
    while let Ok(event) = reader.read_event() {
        let (start, empty) = match &event {
            Event::Start(start) => (start, false),
            Event::Empty(start) => (start, true),
            Event::End(end) => {
                if end.local_name().as_ref() == "schema" {
                    in_schema = false;
                } else if in_schema {
                    open.pop();
                }
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        if start.local_name().as_ref() == "schema" {
            in_schema = !empty;
            open.clear();
            continue;
        }
        if !in_schema {
            continue;
        }
        let value = |name: &str| {
            let attribute = start.try_get_attribute(name).ok().flatten()?;
            Some(attribute.value.rsplit(':').next().unwrap_or_default().to_owned())
        };
        let name = value("name");
        let is_element = start.local_name().as_ref() == "element";
        if open.is_empty() && is_element && name.as_deref() == Some(operation) {
            type_name = value("type");
        }
        if let Some(Some(holder)) = open.first()
            && is_element
            && name.as_deref() == Some(parameter)
        {
            holders.insert(holder.clone(), value("type").unwrap_or_default());
        }
        if !empty {
            open.push(name);
        }
    }
    holders.remove(operation).or_else(|| holders.remove(&type_name?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_in_the_operations_element_or_in_its_type() {
        let wsdl = b"<w:definitions xmlns:w='w' xmlns:s='s'><w:types><s:schema>\
            <s:element name='create'><s:complexType><s:sequence><s:element name='ctx'/>\
            <s:element name='convertguest' type='s:boolean'/></s:sequence></s:complexType></s:element>\
            <s:element name='change' type='t:changeType'/><s:element name='delete'/>\
            <s:complexType name='changeType'><s:sequence><s:element name='note'/></s:sequence>\
            </s:complexType></s:schema></w:types></w:definitions>";
        assert!(takes(wsdl, "create", "convertguest") && takes(wsdl, "change", "note"));
        for (operation, parameter) in [
            ("change", "convertguest"),
            ("create", "note"),
            ("delete", "ctx"),
            ("create", "create"),
            ("ctx", "ctx"),
        ] {
            assert!(!takes(wsdl, operation, parameter), "{operation} {parameter}");
        }
        assert!(!takes(b"<html", "create", "convertguest"));
    }

    #[test]
    fn operations_are_those_of_the_port_type() {
        let wsdl = b"<w:definitions xmlns:w='http://schemas.xmlsoap.org/wsdl/'><w:portType>\
            <w:operation name='exists'><w:input/></w:operation><w:operation name='list'/>\
            </w:portType><w:binding><w:operation name='other'/></w:binding></w:definitions>";
        let expected = BTreeSet::from(["exists".to_owned(), "list".to_owned()]);
        assert_eq!(operations(wsdl), Some(expected));
        assert_eq!(operations(b"<html><body>Welcome</body></html>"), None);
        assert_eq!(operations(b"<definitions><portType><operation/></portType>"), None);
        assert_eq!(operations(b"\xff<"), None);
    }
}
