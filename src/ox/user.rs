//! `OXUserService`: users and their rights, with the context administrator's credentials.

use std::collections::BTreeMap;

use super::call::{
    Answer, Call, Weight, flag, id_of, new_id, nothing, object_call, write_capabilities,
    write_target,
};
use super::envelope::{Element, Elements, Space};
use super::{OxUser, Target};
use crate::model::access::RIGHTS;
use crate::model::fields::FieldKind;
use crate::model::{
    CapabilityChange, ContextId, FieldValue, ModuleAccess, OxId, UserField, UserFields,
};

/// Length of `YYYY-MM-DD`. OX appends the zone of its Java machine, which means nothing.
const DATE_LENGTH: usize = 10;

pub(super) fn exists(context: ContextId, user: &Target) -> Call<bool> {
    object_call("OXUserService.exists", context, Weight::Read, flag, |out| {
        write_target(out, "user", user);
    })
}

pub(super) fn get(context: ContextId, user: &Target) -> Call<OxUser> {
    object_call(
        "OXUserService.getData",
        context,
        Weight::Read,
        |answer| read_user(answer.one()?),
        |out| write_target(out, "user", user),
    )
}

pub(super) fn get_many(context: ContextId, users: &[Target]) -> Call<Vec<OxUser>> {
    object_call(
        "OXUserService.getMultipleData",
        context,
        Weight::Read,
        |answer| answer.all()?.map(read_user).collect(),
        |out| users.iter().for_each(|user| write_target(out, "users", user)),
    )
}

pub(super) fn list(context: ContextId, pattern: &str) -> Call<Vec<OxId>> {
    object_call(
        "OXUserService.list",
        context,
        Weight::Read,
        |answer| answer.all()?.map(id_of).collect(),
        |out| out.text(Space::Admin, "search_pattern", pattern),
    )
}

pub(super) fn access(context: ContextId, user: &Target) -> Call<ModuleAccess> {
    object_call("OXUserService.getModuleAccess", context, Weight::Read, read_access, |out| {
        write_target(out, "user", user);
    })
}

pub(super) fn create(context: ContextId, user: &UserFields, access: ModuleAccess) -> Call<OxId> {
    object_call("OXUserService.createByModuleAccess", context, Weight::Write, new_id, |out| {
        write_user(out, "usrdata", user);
        write_access(out, "access", access);
    })
}

/// A guest of the same address becomes the user. Where the parameter stands does not matter to OX.
pub(super) fn create_converting(
    context: ContextId,
    user: &UserFields,
    access: Option<ModuleAccess>,
) -> Call<OxId> {
    let operation = match access {
        Some(_) => "OXUserService.createByModuleAccess",
        None => "OXUserService.create",
    };
    object_call(operation, context, Weight::Write, new_id, |out| {
        write_user(out, "usrdata", user);
        if let Some(access) = access {
            write_access(out, "access", access);
        }
        out.plain(Space::Admin, "convertguest", true);
    })
}

/// A user that is addressed by name keeps that name: another name in `fields` would address another
/// user, so it is refused.
pub(super) fn change(context: ContextId, user: &Target, fields: &UserFields) -> Call<()> {
    object_call("OXUserService.change", context, Weight::Write, nothing, |out| {
        let mut fields = fields.clone();
        match user {
            Target::Id(id) => {
                fields.set("id", i64::from(id.0));
            }
            Target::Name(name) => {
                if fields.get("name").is_some_and(|new| new.as_text() != Some(name)) {
                    out.refuse("name", "can be changed only if the user is addressed by number");
                }
                fields.remove("id");
                fields.set("name", name.as_str());
            }
        }
        write_user(out, "usrdata", &fields);
    })
}

pub(super) fn change_access(context: ContextId, user: &Target, access: ModuleAccess) -> Call<()> {
    object_call("OXUserService.changeByModuleAccess", context, Weight::Write, nothing, |out| {
        write_target(out, "user", user);
        write_access(out, "moduleAccess", access);
    })
}

pub(super) fn sender_name(context: ContextId, user: &Target, name: &str) -> Call<()> {
    let operation = "OXUserService.changeMailAddressPersonal";
    object_call(operation, context, Weight::Write, nothing, |out| {
        write_target(out, "user", user);
        out.text(Space::Admin, "personal", name);
    })
}

pub(super) fn capabilities(
    context: ContextId,
    user: &Target,
    change: &CapabilityChange,
) -> Call<()> {
    object_call("OXUserService.changeCapabilities", context, Weight::Write, nothing, |out| {
        write_target(out, "user", user);
        write_capabilities(out, change);
    })
}

pub(super) fn delete(context: ContextId, user: &Target, heir: Option<OxId>) -> Call<()> {
    object_call("OXUserService.delete", context, Weight::Write, nothing, |out| {
        write_target(out, "user", user);
        if let Some(heir) = heir {
            out.plain(Space::Admin, "reassign", heir);
        }
    })
}

/// Writes a user record, fields in the order of the interface.
pub(super) fn write_user(out: &mut Elements, parameter: &'static str, user: &UserFields) {
    out.nest(Space::Admin, parameter, |out| {
        for (field, value) in user.iter() {
            write_field(out, field, value);
        }
    });
}

fn write_field(out: &mut Elements, field: UserField, value: &FieldValue) {
    let name = field.name();
    match (field.kind(), value) {
        (FieldKind::Text | FieldKind::Date | FieldKind::Bytes, FieldValue::Text(text)) => {
            out.text(Space::Objects, name, text);
        }
        (FieldKind::TextList, FieldValue::List(list)) => {
            for text in list {
                out.text(Space::Objects, name, text);
            }
        }
        (FieldKind::Int, FieldValue::Int(number)) if i32::try_from(*number).is_err() => {
            out.refuse(name, "is too large a number for OX");
        }
        (FieldKind::Int | FieldKind::Long, FieldValue::Int(number)) => {
            out.plain(Space::Objects, name, *number);
        }
        (FieldKind::Bool, FieldValue::Bool(value)) => out.plain(Space::Objects, name, *value),
        (FieldKind::Maps, FieldValue::Maps(maps)) => {
            out.nest(Space::Objects, name, |out| write_maps(out, maps));
        }
        (
            FieldKind::Text
            | FieldKind::TextList
            | FieldKind::Int
            | FieldKind::Long
            | FieldKind::Bool
            | FieldKind::Date
            | FieldKind::Bytes
            | FieldKind::Group
            | FieldKind::Map
            | FieldKind::Maps,
            _,
        ) => out.refuse(name, "has a value of the wrong type"),
    }
}

/// A key without value is written without value: OX then removes it.
fn write_maps(out: &mut Elements, maps: &BTreeMap<String, BTreeMap<String, Option<String>>>) {
    for (key, map) in maps {
        out.nest(Space::Objects, "entries", |out| {
            out.text(Space::Objects, "key", key);
            out.nest(Space::Objects, "value", |out| {
                for (key, value) in map {
                    out.nest(Space::Objects, "entries", |out| {
                        out.text(Space::Objects, "key", key);
                        out.optional_text(Space::Objects, "value", value.as_deref());
                    });
                }
            });
        });
    }
}

/// Writes all 26 rights: OX takes one that is left out for granted.
fn write_access(out: &mut Elements, parameter: &'static str, access: ModuleAccess) {
    out.nest(Space::Admin, parameter, |out| {
        for (field, granted) in access.iter() {
            out.plain(Space::Objects, field, granted);
        }
    });
}

fn read_access(answer: &Answer<'_>) -> Result<ModuleAccess, String> {
    let rights = answer.one()?;
    let mut access = ModuleAccess::NONE;
    for (index, right) in RIGHTS.iter().enumerate() {
        access.set(index, rights.flag_field(right.field)?.unwrap_or(false));
    }
    Ok(access)
}

fn read_user(user: &Element) -> Result<OxUser, String> {
    let mut fields = UserFields::new();
    for element in user.children.iter().filter(|child| child.space == Space::Objects) {
        let Some(field) = UserField::named(&element.name) else { continue };
        let text = element.text.as_str();
        let value = match field.kind() {
            FieldKind::Text => FieldValue::from(text),
            FieldKind::TextList => {
                let mut list =
                    fields.get(field.name()).and_then(FieldValue::as_list).unwrap_or(&[]).to_vec();
                list.push(text.to_owned());
                FieldValue::List(list)
            }
            FieldKind::Int | FieldKind::Long => FieldValue::Int(
                text.trim().parse().map_err(|_| format!("{} is no number", field.name()))?,
            ),
            FieldKind::Bool => FieldValue::Bool(element.flag()?),
            FieldKind::Date => match text.trim() {
                "" => continue,
                date => FieldValue::from(date.get(..DATE_LENGTH).unwrap_or(date)),
            },
            FieldKind::Bytes => FieldValue::Text(text.split_ascii_whitespace().collect()),
            FieldKind::Maps => match read_maps(element) {
                maps if maps.is_empty() => continue,
                maps => FieldValue::Maps(maps),
            },
            FieldKind::Group | FieldKind::Map => continue,
        };
        fields.insert(field, value);
    }
    Ok(OxUser { id: id_of(user)?, fields })
}

fn read_maps(maps: &Element) -> BTreeMap<String, BTreeMap<String, Option<String>>> {
    entries(maps)
        .map(|(key, value)| {
            let map = value
                .into_iter()
                .flat_map(entries)
                .map(|(key, value)| (key, value.map(|value| value.text.clone())))
                .collect();
            (key, map)
        })
        .collect()
}

fn entries(map: &Element) -> impl Iterator<Item = (String, Option<&Element>)> {
    map.all(Space::Objects, "entries").map(|entry| {
        (entry.owned_field("key").unwrap_or_default(), entry.child(Space::Objects, "value"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::ox::Credentials;
    use crate::ox::envelope::read_body;

    fn answered(fields: &str) -> Result<OxUser, String> {
        let message = format!(
            "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body>\
             <n:getDataResponse xmlns:n='http://soap.admin.openexchange.com' \
             xmlns='http://dataobjects.soap.admin.openexchange.com/xsd' \
             xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>\
             <n:return>{fields}</n:return></n:getDataResponse></e:Body></e:Envelope>"
        );
        let target = Target::Id(OxId(3));
        get(ContextId(1), &target).reply(&read_body(message.as_bytes()).unwrap())
    }

    #[test]
    fn every_kind_of_field_is_read() {
        let user = answered(
            "<aliases>b@t.test</aliases><aliases>a@t.test</aliases><birthday>1985-07-15+02:00</birthday>\
             <anniversary>1990-05-06Z</anniversary><default_group><id>1</id></default_group>\
             <id> 3 </id><mailenabled>true</mailenabled><maxQuota>-1</maxQuota><name>anna</name>\
             <note></note><title xsi:nil='true'/><unheard_of>x</unheard_of>\
             <userAttributes><entries><key>config</key><value><entries><key>k</key><value>v</value>\
             </entries><entries><key>gone</key><value xsi:nil='true'/></entries></value></entries>\
             </userAttributes><image1>QUJD\n RA==</image1>",
        )
        .unwrap();
        assert_eq!((user.id, user.name()), (OxId(3), "anna"));
        let mut expected = UserFields::new();
        expected.set("aliases", vec!["b@t.test".to_owned(), "a@t.test".to_owned()]);
        expected.set("birthday", "1985-07-15");
        expected.set("anniversary", "1990-05-06");
        expected.set("id", 3_i64);
        expected.set("mailenabled", true);
        expected.set("maxQuota", -1_i64);
        expected.set("name", "anna");
        expected.set("note", "");
        let map = [("k".to_owned(), Some("v".to_owned())), ("gone".to_owned(), None)];
        let maps = [("config".to_owned(), BTreeMap::from(map))];
        expected.set("userAttributes", FieldValue::Maps(BTreeMap::from(maps)));
        expected.set("image1", "QUJDRA==");
        assert!(user.fields == expected, "{:?}", user.fields);
    }

    #[test]
    fn a_user_without_number_or_with_a_strange_one_is_not_taken() {
        for fields in
            ["<name>anna</name>", "<id>x</id>", "<id>3</id><mailenabled>yes</mailenabled>"]
        {
            assert!(answered(fields).is_err(), "{fields}");
        }
    }

    #[test]
    fn what_is_read_can_be_written_again() {
        let attributes = "<userAttributes><entries><key>config</key><value><entries><key>gone</key>\
                          </entries></value></entries></userAttributes>";
        let user = answered(&format!("<id>3</id>{attributes}")).unwrap();
        let credentials = Credentials { login: "a".to_owned(), password: Secret::new("b") };
        let mut call = change(ContextId(1), &Target::Id(OxId(3)), &user.fields);
        let message = call.message(&credentials).unwrap();
        assert!(message.replace("o:", "").contains(attributes), "{message}");
    }

    #[test]
    fn all_26_rights_are_always_written() {
        let credentials = Credentials { login: "a".to_owned(), password: Secret::new("b") };
        let target = Target::Id(OxId(3));
        let mut call = change_access(ContextId(1), &target, ModuleAccess::NONE);
        let message = call.message(&credentials).unwrap();
        for right in RIGHTS {
            assert!(message.contains(&format!("<o:{0}>false</o:{0}>", right.field)));
        }
    }
}
