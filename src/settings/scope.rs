//! What is provisioned at all, and what is never touched.

use std::collections::{BTreeMap, BTreeSet};

use super::field::Field;
use super::layers::Layers;
use super::problem::BadValue;
use crate::model::{Dn, ObjectId, ObjectKind};
use crate::scope::rule::KINDS;
use crate::scope::{Applies, Marker, OnLeave, Pattern, Protect, Scope};

/// Stands between the parts of a list in the environment: DNs and patterns have commas in them.
const BETWEEN: char = ';';

/// Sections `scope` and `protect`.
pub(super) fn read(layers: &Layers) -> Result<Scope, BadValue> {
    let kept = [("delete", OnLeave::Delete), ("keep", OnLeave::Keep)];
    let any = [("delete", OnLeave::Delete), ("disable", OnLeave::Disable), ("keep", OnLeave::Keep)];
    let leave = |kind, key, choices: &[(&str, OnLeave)]| {
        Ok::<_, BadValue>((kind, layers.field(key).choice(choices)?))
    };
    Ok(Scope {
        kinds: kinds(layers.field("scope.types"))?,
        include: dns(layers.field("scope.include"))?,
        exclude: dns(layers.field("scope.exclude"))?,
        exclude_names: patterns(layers.field("scope.exclude_names"))?,
        exclude_marked: markers(layers.field("scope.exclude_marked"))?,
        on_leave: BTreeMap::from([
            leave(ObjectKind::Context, "scope.on_leave.context", &kept)?,
            leave(ObjectKind::User, "scope.on_leave.user", &any)?,
            leave(ObjectKind::Group, "scope.on_leave.group", &kept)?,
            leave(ObjectKind::Resource, "scope.on_leave.resource", &kept)?,
            leave(ObjectKind::Account, "scope.on_leave.account", &kept)?,
            leave(ObjectKind::SharedAccount, "scope.on_leave.shared_account", &kept)?,
            leave(
                ObjectKind::SharedAccountPermission,
                "scope.on_leave.shared_account_permission",
                &kept,
            )?,
            leave(ObjectKind::Profile, "scope.on_leave.profile", &kept)?,
        ]),
        protect: Protect {
            ids: layers
                .field("protect.ids")
                .list_between(BETWEEN)?
                .iter()
                .map(|id| ObjectId::new(id))
                .collect(),
            names: patterns(layers.field("protect.names"))?,
            marked: markers(layers.field("protect.marked"))?,
        },
    })
}

fn kinds(field: Field<'_>) -> Result<BTreeSet<ObjectKind>, BadValue> {
    let kind = |word: String| {
        let kind = KINDS.iter().find(|(kind, _)| word.eq_ignore_ascii_case(kind));
        kind.map(|(_, kind)| *kind).ok_or_else(|| {
            let words: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
            let expected = format!("one of {}", words.join(", "));
            field.refuse_part(&word, &expected, "name kinds of objects")
        })
    };
    // No text of a kind has a comma or a semicolon, so both may stand between them.
    let words = field.list_between(BETWEEN)?;
    let words = words.iter().flat_map(|word| word.split(',')).map(|word| word.trim().to_owned());
    words.filter(|word| !word.is_empty()).map(kind).collect()
}

fn dns(field: Field<'_>) -> Result<Vec<Applies<Dn>>, BadValue> {
    rules(field, |text| {
        let dn = Dn::new(text);
        let cure = "write one such as \"ou=school,dc=example,dc=org\"";
        if dn.key().is_proper() { Ok(dn) } else { Err(("a DN".to_owned(), cure.to_owned())) }
    })
}

fn patterns(field: Field<'_>) -> Result<Vec<Applies<Pattern>>, BadValue> {
    rules(field, |text| {
        let cure = "write one such as \"^test-\", with a \\ before signs that mean themselves";
        Pattern::new(text).map_err(|why| (format!("a regular expression ({why})"), cure.to_owned()))
    })
}

fn markers(field: Field<'_>) -> Result<Vec<Applies<Marker>>, BadValue> {
    rules(field, |text| {
        let cure = "write one such as \"univentionObjectFlag=hidden\"";
        Marker::new(text).ok_or_else(|| ("a property with its value".to_owned(), cure.to_owned()))
    })
}

fn rules<T>(
    field: Field<'_>,
    read: impl Fn(&str) -> Result<T, (String, String)>,
) -> Result<Vec<Applies<T>>, BadValue> {
    let rule = |text: String| {
        Applies::read(&text, &read)
            .map_err(|(expected, cure)| field.refuse_part(&text, &expected, &cure))
    };
    field.list_between(BETWEEN)?.into_iter().map(rule).collect()
}
