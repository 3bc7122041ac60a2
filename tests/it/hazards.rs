//! What must never be on the wire, whatever the work: looked for in all that drover sends while it
//! does the demo's whole workload, every kind of change in it.

use std::collections::BTreeSet;

use drover::model::access::RIGHTS;
use drover::sim;

use crate::scene::Wire;
use crate::town::{assert_as_told, empty_world, put_all, workload};

/// One request: its head, and the body after it.
struct Request<'a> {
    head: &'a str,
    body: &'a str,
}

impl Request<'_> {
    fn is(&self, service: &str, operation: &str) -> bool {
        self.head.contains(&format!("/webservices/{service} "))
            && self.body.contains(&format!("<s:{operation}>"))
    }

    fn count(&self, element: &str) -> usize {
        let ends = |prefix| format!("</{prefix}:{element}>");
        ["s", "o", "c"].map(|prefix| self.body.matches(&ends(prefix)).count()).iter().sum()
    }
}

fn requests(sent: &str) -> impl Iterator<Item = Request<'_>> {
    sent.split("POST ").filter_map(|request| {
        let (head, body) = request.split_once("\r\n\r\n")?;
        Some(Request { head, body })
    })
}

#[test]
fn no_request_of_a_whole_workload_is_one_of_those_that_destroy_something() {
    let mut world = empty_world(sim::Config::default());
    // One call at a time, so that what is heard is not mixed.
    world.env.insert("DROVER__LIMITS__MAX_IN_FLIGHT".into(), "1".into());
    let wire = Wire::of(&mut world);
    let workload = workload(3, 10, 17);
    let mut sent = String::new();
    for phase in &workload.phases {
        put_all(&world, phase);
        world.provision();
        sent.push_str(&wire.heard());
    }
    assert_as_told(&world, workload.items());

    let own_addresses: BTreeSet<String> = workload
        .items()
        .filter(|item| item.content["udm_object_type"] == "users/user")
        .filter_map(|item| item.content["object"]["mailPrimaryAddress"].as_str())
        .map(str::to_lowercase)
        .collect();
    let (mut rights, mut groups, mut taken) = (0, 0, 0);
    for request in requests(&sent) {
        let head = request.head.to_lowercase();
        assert!(head.contains("content-type: text/xml; charset=utf-8"), "{head}");
        let is = |service, operation| request.is(service, operation);
        if is("OXUserService", "createByModuleAccess")
            || is("OXUserService", "changeByModuleAccess")
        {
            // A right that is left out is granted.
            rights += 1;
            for right in RIGHTS {
                assert_eq!(request.count(right.field), 1, "{}: {}", right.field, request.body);
            }
            assert!(request.body.contains("publicFolderEditable>false<"), "{}", request.body);
        }
        if ["create", "change", "addMember", "removeMember"]
            .iter()
            .any(|operation| is("OXGroupService", operation))
        {
            // A group change without members empties the group.
            groups += 1;
            assert!(request.count("members") > 0, "{}", request.body);
        }
        if is("OXSecondaryAccountService", "delete") {
            // By a user's own address it destroys his mail account; group 0 is everybody.
            taken += 1;
            let address = request.body.split("primaryAddress>").nth(1).expect("an address");
            let address = address.split('<').next().unwrap().to_lowercase();
            assert!(!own_addresses.contains(&address), "{address}");
            assert_eq!(request.count("groups"), 0, "{}", request.body);
            assert!(request.count("users") > 0, "{}", request.body);
        }
        assert!(!is("OXUserService", "create"), "rights would be the administrator's");
    }
    assert!(rights > 30 && groups > 5 && taken > 1, "{rights} {groups} {taken}");
}
