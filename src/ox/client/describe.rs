//! What OX offers: its services by their WSDLs.

use std::collections::BTreeSet;

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

impl SoapClient {
    /// The operations of a service, as its WSDL lists them; none if OX does not have the service.
    ///
    /// # Errors
    /// If OX does not answer, or with something else than a WSDL.
    pub async fn offered(
        &self,
        service: &'static str,
    ) -> Result<Option<BTreeSet<String>>, OxError> {
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
            Some(operations) if status == StatusCode::OK => Ok(Some(operations)),
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

#[cfg(test)]
mod tests {
    use super::*;

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
