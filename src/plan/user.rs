//! Users: created, changed, renamed, switched off, moved between contexts, adopted.
//!
//! A user whom drover placed is addressed by the login name it last gave him, not by the number:
//! after a restore of OX's database a remembered number may belong to somebody else, a name does
//! not. Only a rename needs the number, and then OX is asked for it first.

mod deputies;

use std::collections::{BTreeMap, BTreeSet};

use super::attributes::{DesiredUser, changed_fields, sender_address, uncleared_fields};
use super::{Answer, Case, Next, Operation, Problem, Question, Refusal, Reply};
use crate::model::digest::{content_digest, is_digest};
use crate::model::{
    Capabilities, CapabilityChange, ContextId, FieldValue, ModuleAccess, ObjectId, OxId, UserFields,
};
use crate::ox::{OxUser, Target};
use crate::store::{Beside, Change, DeputiesGiven, Journey, ObjectRecord, Placement};

pub use deputies::{WantedDeputies, WantedDeputy};

/// What the directory wants of a user who is to be in OX.
#[derive(Debug, Clone)]
pub struct WantedUser {
    /// Where.
    pub context: ContextId,
    /// Name and fields.
    pub user: DesiredUser,
    /// Rights.
    pub access: ModuleAccess,
    /// Name under which he sends mail, empty for none of his own; none = not drover's business.
    pub sender_name: Option<String>,
    /// Capabilities granted and denied to him.
    pub capabilities: Capabilities,
    /// Login name of whoever gets his data when he is deleted; none = the context's administrator.
    pub heir: Option<String>,
}

/// A user in one context, as drover knows him.
#[derive(Debug, Clone, PartialEq)]
struct Placed {
    ox: OxId,
    name: String,
    fields: UserFields,
    access: Option<ModuleAccess>,
    beside: Beside,
}

/// Fields that OX ignores or refuses when they are sent apart from each other.
const TOGETHER: [&[&str]; 3] = [
    &["imapServer", "imapPort", "imapSchema"],
    &["smtpServer", "smtpPort", "smtpSchema"],
    &["image1", "image1ContentType"],
];

/// The address fields; a change of one has to leave all of them inside the alias list.
const ADDRESSES: [&str; 3] = ["primaryEmail", "email1", "aliases"];

/// OX's present sender address, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sender {
    /// Not asked yet.
    Unknown,
    /// OX has none.
    None,
    /// This one.
    Is(String),
}

impl Sender {
    fn of(fields: &UserFields) -> Self {
        match fields.text("defaultSenderAddress") {
            Some(address) => Self::Is(address.to_owned()),
            None => Self::None,
        }
    }
}

/// Who gets the data of a user who is deleted, as far as there is to be anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heir {
    /// Not asked yet.
    Unknown,
    /// There is no such user.
    Absent,
    /// The one with that number.
    Is(OxId),
}

/// What the look for a user of the wanted name in the wanted context has given so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Not asked, and no reason to ask.
    No,
    /// To be asked before creating.
    Wanted,
    /// Nobody of that name is there.
    Absent,
}

/// One user on its way.
#[derive(Debug)]
pub struct UserCase {
    id: ObjectId,
    wanted: Option<WantedUser>,
    placed: BTreeMap<ContextId, Placed>,
    before: BTreeMap<ContextId, Placed>,
    journey: Option<Journey>,
    journey_before: Option<Journey>,
    look: Look,
    /// Before a move: nobody of the new name, nobody of the old name is in the new context.
    free: (bool, bool),
    /// Before a move: number of one in the new context who bears the user's new or old name and is
    /// no copy of drover's. Which of the two is the user is for people to say.
    twin: Option<OxId>,
    /// The user is in the old context indeed, under this number; asked only if there is a twin.
    original: Option<OxId>,
    /// The copy was made and has to be seen once before it is worked on.
    unseen_copy: Option<ContextId>,
    /// Functional accounts that drover gave the user, by context: a copy brings them along as
    /// ordinary accounts, which nobody wants.
    accounts: BTreeMap<ContextId, Vec<String>>,
    /// What the copy brought along, still to be taken away.
    baggage: Vec<String>,
    /// The wanted name belongs to another object.
    taken: Option<ObjectId>,
    /// Before a move: the old name belongs to another object in the new context, so a copy cannot
    /// bear it.
    old_name_taken: bool,
    /// OX's present sender address; asked only if addresses change.
    sender: Sender,
    /// The number was checked against the name, for a rename.
    identified: bool,
    /// Fields that were changed in OX and in the directory since they were last written.
    both_changed: BTreeSet<&'static str>,
    /// A create was refused although nothing was there a moment before: most likely an earlier try,
    /// whose outcome was not known, came through meanwhile.
    late: bool,
    /// An earlier try may have created the user without our hearing of it.
    suspect: bool,
    protected: bool,
    heir: Heir,
    /// Login name of whoever gets the data of those who name nobody.
    usual_heir: Option<String>,
    applied: bool,
    adopted: bool,
    deputies: deputies::Talk,
}

impl UserCase {
    /// A user as known, and as wanted (none: in no context). `accounts` are the addresses of the
    /// functional accounts that drover gave him, by context.
    ///
    /// `suspect` says that the outcome of an earlier try is not known: then OX is asked before
    /// anything is created.
    pub fn new(
        id: ObjectId,
        wanted: Option<WantedUser>,
        record: Option<&ObjectRecord>,
        accounts: BTreeMap<ContextId, Vec<String>>,
        suspect: bool,
    ) -> Self {
        let mut placed = BTreeMap::new();
        for (context, placement) in record.iter().flat_map(|r| &r.placements) {
            if let Placement::User { ox, name, fields, access, beside } = placement {
                let (name, fields, beside) = (name.clone(), fields.clone(), beside.clone());
                let user = Placed { ox: *ox, name, fields, access: *access, beside };
                placed.insert(*context, user);
            }
        }
        let journey = record.and_then(|r| r.journey.clone());
        Self {
            id,
            wanted,
            before: placed.clone(),
            placed,
            journey_before: journey.clone(),
            journey,
            look: if suspect { Look::Wanted } else { Look::No },
            free: (false, false),
            twin: None,
            original: None,
            unseen_copy: None,
            accounts,
            baggage: Vec::new(),
            taken: None,
            old_name_taken: false,
            sender: Sender::Unknown,
            identified: false,
            both_changed: BTreeSet::new(),
            late: false,
            suspect,
            protected: false,
            heir: Heir::Unknown,
            usual_heir: None,
            applied: false,
            adopted: false,
            deputies: deputies::Talk::default(),
        }
    }

    /// With the deputies he is to have; none: they are not drover's business.
    #[must_use]
    pub fn with_deputies(mut self, wanted: Option<WantedDeputies>) -> Self {
        self.deputies = deputies::Talk::new(wanted);
        let context = self.wanted.as_ref().map(|wanted| wanted.context);
        if let Some(placed) = context.and_then(|context| self.placed.get_mut(&context)) {
            self.deputies.prepare(&mut placed.beside.deputies);
        }
        self
    }

    /// What is known of a user's deputies in a context.
    fn deputies_in(&mut self, context: ContextId) -> Option<&mut DeputiesGiven> {
        let placed = self.placed.get_mut(&context)?;
        Some(placed.beside.deputies.get_or_insert_default())
    }

    /// Who gets the data of those who are deleted and name nobody, by login name.
    #[must_use]
    pub fn with_heir(mut self, heir: Option<String>) -> Self {
        self.usual_heir = heir;
        self
    }

    /// Values that are in OX, are no longer wanted, and cannot be cleared over SOAP (element names).
    pub fn not_clearable(&self) -> Vec<&'static str> {
        let Some(wanted) = &self.wanted else { return Vec::new() };
        match self.placed.get(&wanted.context) {
            Some(placed) => uncleared_fields(&wanted.user, &placed.fields),
            None => Vec::new(),
        }
    }

    /// Values that were changed in OX as well as in the directory since drover last wrote them
    /// (element names). The directory's are written. Only seen when OX had to be asked for the user.
    pub fn both_changed(&self) -> &BTreeSet<&'static str> {
        &self.both_changed
    }

    /// OX showed the user as he is before he is changed.
    fn compare(&mut self, context: ContextId, user: &OxUser) {
        let (Some(wanted), Some(placed)) = (&self.wanted, self.placed.get(&context)) else {
            return;
        };
        let desired = remembered(&wanted.user.fields);
        let changed = changed_fields(&desired, &placed.fields);
        // Photos are re-encoded by OX, so they always differ.
        let names = changed.iter().map(|(field, _)| field.name());
        let names = names.filter(|name| !["image1", "image1ContentType", "name"].contains(name));
        let conflicts = names.filter(|name| {
            let now = user.fields.get(name);
            !alike(now, placed.fields.get(name)) && !alike(now, desired.get(name))
        });
        self.both_changed = conflicts.collect();
    }

    fn elsewhere(&self, here: ContextId) -> Option<(ContextId, &Placed)> {
        self.placed.iter().find(|(context, _)| **context != here).map(|(c, p)| (*c, p))
    }

    /// The user is where he belongs: what is to be changed?
    fn adjust(&self, wanted: &WantedUser, placed: &Placed) -> Option<Next> {
        let context = wanted.context;
        if self.unseen_copy == Some(context) {
            return Some(Next::Ask(Question::User(context, Target::Id(placed.ox))));
        }
        if let Some(address) = self.baggage.first() {
            let (address, users) = (address.clone(), vec![placed.ox]);
            return Some(Next::Do(Operation::AccountDelete { context, address, users }));
        }
        let rename = placed.name != wanted.user.name;
        if (rename || placed.ox == OxId::UNKNOWN) && !self.identified {
            return Some(Next::Ask(Question::User(context, Target::Name(placed.name.clone()))));
        }
        match self.delta(wanted, placed) {
            Delta::NeedsSender => {
                let target = Target::Name(placed.name.clone());
                return Some(Next::Ask(Question::User(context, target)));
            }
            Delta::Fields(mut fields) => {
                if rename {
                    fields.set("name", wanted.user.name.as_str());
                }
                if !fields.is_empty() {
                    let user = if rename {
                        Target::Id(placed.ox)
                    } else {
                        Target::Name(placed.name.clone())
                    };
                    return Some(Next::Do(Operation::UserChange { context, user, fields }));
                }
            }
        }
        let user = Target::Name(placed.name.clone());
        if placed.access != Some(wanted.access) {
            return Some(Next::Do(Operation::UserAccess { context, user, access: wanted.access }));
        }
        // One that was never sent is none.
        let sent = placed.beside.sender_name.as_deref().unwrap_or_default();
        if let Some(name) = wanted.sender_name.clone().filter(|name| name != sent) {
            return Some(Next::Do(Operation::UserSenderName { context, user, name }));
        }
        let given = &placed.beside.capabilities;
        if let Some(change) = CapabilityChange::between(given, &wanted.capabilities) {
            return Some(Next::Do(Operation::UserCapabilities { context, user, change }));
        }
        self.deputies.next(context, placed, self.identified)
    }

    /// He is to be nowhere: whoever gets his data is found first.
    fn delete(&self, context: ContextId, placed: &Placed) -> Next {
        let heir = placed.beside.heir.as_ref().or(self.usual_heir.as_ref());
        let heir = heir.filter(|heir| **heir != placed.name);
        let heir = match (heir, self.heir) {
            (None, _) => None,
            (Some(_), Heir::Is(ox)) => Some(ox),
            (Some(heir), Heir::Unknown) => {
                return Next::Ask(Question::Heir(context, heir.clone()));
            }
            (Some(heir), Heir::Absent) => {
                let heir = heir.clone();
                return Next::Stuck(Problem::NoHeir { context, heir });
            }
        };
        self.leave(context, placed, heir)
    }

    /// Deletes a user from a context, after he has taken his leave.
    fn leave(&self, context: ContextId, placed: &Placed, heir: Option<OxId>) -> Next {
        let user = Target::Name(placed.name.clone());
        let delete = Next::Do(Operation::UserDelete { context, user, heir });
        self.deputies.farewell(context, placed).unwrap_or(delete)
    }

    /// The fields to send, with what has to travel together.
    fn delta(&self, wanted: &WantedUser, placed: &Placed) -> Delta {
        let desired = remembered(&wanted.user.fields);
        let mut delta = changed_fields(&desired, &placed.fields);
        delta.remove("name");
        let last_type = placed.fields.text("employeeType").unwrap_or_default();
        if desired.get("employeeType").is_none() && !last_type.is_empty() {
            delta.set("employeeType", "");
        }
        for group in TOGETHER {
            if group.iter().any(|name| delta.get(name).is_some()) {
                copy(&desired, group, &mut delta);
            }
        }
        if ADDRESSES.iter().any(|name| delta.get(name).is_some()) {
            copy(&desired, &ADDRESSES, &mut delta);
            if addresses_go(&desired, &placed.fields) {
                let sender = match &self.sender {
                    Sender::Unknown => return Delta::NeedsSender,
                    Sender::None => None,
                    Sender::Is(address) => Some(address.as_str()),
                };
                let primary = desired.text("primaryEmail").unwrap_or_default();
                let aliases = desired.get("aliases").and_then(FieldValue::as_list).unwrap_or(&[]);
                let old_primary = placed.fields.text("primaryEmail");
                let sender = sender_address(old_primary, sender, primary, aliases);
                delta.set("defaultSenderAddress", sender);
            }
        }
        if delta.get("image1").is_some() {
            copy(&wanted.user.fields, &["image1"], &mut delta);
        }
        Delta::Fields(delta)
    }

    /// What a copy from there brings along, but never an address of the user's own.
    fn pack(&mut self, from: ContextId) {
        let own = |address: &String| {
            self.placed
                .get(&from)
                .and_then(|p| p.fields.text("primaryEmail"))
                .is_some_and(|primary| primary.eq_ignore_ascii_case(address))
        };
        self.baggage = match self.accounts.get(&from) {
            Some(addresses) => addresses.iter().filter(|a| !own(a)).cloned().collect(),
            None => Vec::new(),
        };
    }

    /// The copy there was not looked at, or still has what it brought along. It is not remembered as
    /// the user's place: the journey finds it again, and what is left to do with it.
    fn half_copied(&self, context: ContextId) -> bool {
        let copy = self.journey.as_ref().is_some_and(|journey| journey.to == context);
        self.unseen_copy == Some(context) || (copy && !self.baggage.is_empty())
    }

    /// The user is in another context only: copy him.
    fn travel(&self, wanted: &WantedUser, from: ContextId, placed: &Placed) -> Next {
        let to = wanted.context;
        let copy = Next::Do(Operation::UserCopy { user: placed.ox, from, to });
        if let Some(journey) = self.journey.as_ref().filter(|j| j.to == to && j.from == from) {
            // A copy of an earlier try bears the old name, or the new one if it came that far.
            let new_name = &wanted.user.name;
            return match self.look {
                Look::Absent if self.free.0 || journey.name == *new_name => copy,
                Look::Absent => Next::Ask(Question::User(to, Target::Name(new_name.clone()))),
                _ => Next::Ask(Question::User(to, Target::Name(journey.name.clone()))),
            };
        }
        // Whom to copy is said by number.
        if placed.ox == OxId::UNKNOWN {
            return Next::Ask(Question::User(from, Target::Name(placed.name.clone())));
        }
        if let Some(to_ox) = self.twin {
            return match self.original {
                Some(from_ox) => Next::Stuck(Problem::InBothContexts { from, from_ox, to, to_ox }),
                None => Next::Ask(Question::User(from, Target::Name(placed.name.clone()))),
            };
        }
        if !self.free.0 {
            return Next::Ask(Question::User(to, Target::Name(wanted.user.name.clone())));
        }
        if placed.name != wanted.user.name {
            if self.old_name_taken {
                // The new name is free there: he gets it before he is copied.
                if !self.identified {
                    return Next::Ask(Question::User(from, Target::Name(placed.name.clone())));
                }
                let mut fields = UserFields::new();
                fields.set("name", wanted.user.name.as_str());
                let user = Target::Id(placed.ox);
                return Next::Do(Operation::UserChange { context: from, user, fields });
            }
            if !self.free.1 {
                return Next::Ask(Question::User(to, Target::Name(placed.name.clone())));
            }
        }
        Next::Do(Operation::JourneyBegin {
            journey: Journey { from, to, ox: placed.ox, name: placed.name.clone(), copying: true },
        })
    }

    /// A move to a context where the user is not wanted any more. Whether the copy was made there is
    /// not known; if it was, it has to go.
    fn astray(&self) -> Option<&Journey> {
        let wanted = self.wanted.as_ref().map(|wanted| wanted.context);
        self.journey
            .as_ref()
            .filter(|journey| Some(journey.to) != wanted && !self.placed.contains_key(&journey.to))
    }

    /// Whether a move to that context was begun. One to another context, where he has arrived since,
    /// tells nothing of this one.
    fn is_under_way(&self, to: ContextId) -> bool {
        let from = self.elsewhere(to).map(|(from, _)| from);
        self.journey.as_ref().is_some_and(|journey| journey.to == to && Some(journey.from) == from)
    }

    /// The user is nowhere: create him.
    fn create(&self, wanted: &WantedUser) -> Next {
        if self.look == Look::Wanted {
            let target = Target::Name(wanted.user.name.clone());
            return Next::Ask(Question::User(wanted.context, target));
        }
        if !wanted.user.missing_for_create.is_empty() {
            let fields = wanted.user.missing_for_create.join(", ");
            return Next::Stuck(Problem::MissingFields { fields });
        }
        let mut fields = wanted.user.fields.clone();
        for (field, value) in wanted.user.create_only.iter() {
            fields.insert(field, value.clone());
        }
        if let Some(primary) = wanted.user.fields.get("primaryEmail") {
            fields.set("defaultSenderAddress", primary.clone());
        }
        let (context, access) = (wanted.context, wanted.access);
        Next::Do(Operation::UserCreate { context, fields, access })
    }

    /// Takes over a user who is in OX already.
    fn adopt(&mut self, context: ContextId, user: &OxUser) {
        if user.fields.get("contextadmin") == Some(&FieldValue::Bool(true)) {
            self.protected = true;
            return;
        }
        let Some(wanted) = &self.wanted else { return };
        let mut fields = UserFields::new();
        for (field, _) in wanted.user.fields.iter() {
            if let Some(value) = user.fields.get(field.name()) {
                fields.insert(field, value.clone());
            }
        }
        // A rename is never needed here: he was found by the wanted name.
        let name = wanted.user.name.clone();
        let sender = Sender::of(&user.fields);
        let fields = remembered(&fields);
        let beside = Beside::default();
        self.placed.insert(context, Placed { ox: user.id, name, fields, access: None, beside });
        self.sender = sender;
        self.adopted = !self.suspect;
    }

    /// He is said to be there, and nobody has seen him yet.
    fn is_hearsay(&self, context: ContextId) -> bool {
        self.placed.get(&context).is_some_and(|placed| placed.ox == OxId::UNKNOWN)
    }

    /// Somebody who was said to be there is: he is as OX says, and bears the name he had.
    fn adopt_under_old_name(&mut self, context: ContextId, user: &OxUser) {
        let (said, adopted) = (self.placed.remove(&context), self.adopted);
        self.adopt(context, user);
        (self.identified, self.adopted) = (true, adopted);
        if let (Some(placed), Some(said)) = (self.placed.get_mut(&context), said) {
            placed.name = said.name;
        }
    }

    /// The copy is there and was seen: what it has differs a little from the original.
    fn see_copy(&mut self, context: ContextId, user: &OxUser) {
        self.unseen_copy = None;
        self.sender = Sender::of(&user.fields);
        let Some(placed) = self.placed.get_mut(&context) else { return };
        let names: Vec<&str> = placed.fields.iter().map(|(field, _)| field.name()).collect();
        for name in names {
            // The copy's quota reads 0 whatever the original's was, and writing it is refused;
            // photos come back re-encoded.
            if ["maxQuota", "image1", "image1ContentType", "name"].contains(&name) {
                continue;
            }
            // A text of another kind was written in OX by the user, whose business it is; copying
            // can only lose it.
            if user.fields.text(name).is_some_and(|text| !text.is_empty()) {
                continue;
            }
            let value = user.fields.get(name).cloned().unwrap_or_else(|| FieldValue::from(""));
            placed.fields.set(name, value);
        }
    }
}

enum Delta {
    Fields(UserFields),
    NeedsSender,
}

/// Whether two values mean the same: none is an empty one, and lists have no order.
pub(crate) fn alike(a: Option<&FieldValue>, b: Option<&FieldValue>) -> bool {
    let list = |value: Option<&FieldValue>| {
        let list = value.and_then(FieldValue::as_list).unwrap_or(&[]);
        list.iter().map(|text| text.to_lowercase()).collect::<BTreeSet<_>>()
    };
    match (a, b) {
        (Some(FieldValue::List(_)), _) | (_, Some(FieldValue::List(_))) => list(a) == list(b),
        (Some(FieldValue::Text(text)), None) | (None, Some(FieldValue::Text(text))) => {
            text.is_empty()
        }
        (a, b) => a == b,
    }
}

/// Copies the named fields that `from` has.
fn copy(from: &UserFields, names: &[&str], to: &mut UserFields) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.set(name, value.clone());
        }
    }
}

/// Whether an address that OX may have as the sender goes away, or the primary one changes.
fn addresses_go(desired: &UserFields, last: &UserFields) -> bool {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let text = |fields: &UserFields| fields.text("primaryEmail").unwrap_or_default().to_owned();
    if !same(&text(desired), &text(last)) {
        return true;
    }
    let now = desired.get("aliases").and_then(FieldValue::as_list).unwrap_or(&[]);
    match last.get("aliases").and_then(FieldValue::as_list) {
        Some(old) => old.iter().any(|old| !now.iter().any(|new| same(old, new))),
        None => true,
    }
}

/// Fields as they are remembered: a photo by its digest.
fn remembered(fields: &UserFields) -> UserFields {
    let mut fields = fields.clone();
    if let Some(image) = fields.text("image1").filter(|text| !is_digest(text)) {
        let digest = content_digest(image);
        fields.set("image1", digest);
    }
    fields
}

impl Case for UserCase {
    fn next(&self) -> Next {
        if self.protected {
            return Next::Done { why: "is the context's own administrator" };
        }
        if let (Some(owner), Some(wanted)) = (&self.taken, &self.wanted) {
            let (context, owner) = (wanted.context, owner.clone());
            return Next::Stuck(Problem::NameTaken { context, owner });
        }
        if let Some(journey) = self.astray() {
            return Next::Ask(Question::User(journey.to, Target::Name(journey.name.clone())));
        }
        let Some(wanted) = &self.wanted else {
            return match self.placed.first_key_value() {
                Some((context, placed)) => self.delete(*context, placed),
                None => Next::Done { why: "is not in OX and is not to be" },
            };
        };
        if let Some(placed) = self.placed.get(&wanted.context) {
            if let Some(step) = self.adjust(wanted, placed) {
                return step;
            }
            return match self.elsewhere(wanted.context) {
                // His data went with him.
                Some((context, placed)) => self.leave(context, placed, None),
                None => Next::Done { why: "is in OX as wanted" },
            };
        }
        match self.elsewhere(wanted.context) {
            Some((from, placed)) => self.travel(wanted, from, placed),
            None => self.create(wanted),
        }
    }

    fn done(&mut self, operation: &Operation, reply: Reply) {
        match (operation, reply) {
            (
                Operation::UserCreate { context, .. },
                reply @ (Reply::Id(ox) | Reply::WithoutRights(ox)),
            ) => {
                if let Some(wanted) = &self.wanted {
                    let has_rights = matches!(reply, Reply::Id(_));
                    let user = Placed {
                        ox,
                        name: wanted.user.name.clone(),
                        fields: remembered(&wanted.user.fields),
                        access: has_rights.then_some(wanted.access),
                        beside: Beside { deputies: self.deputies.of_new(), ..Beside::default() },
                    };
                    self.placed.insert(*context, user);
                    self.identified = true;
                }
            }
            (Operation::UserChange { context, fields, .. }, _) => {
                if let Some(placed) = self.placed.get_mut(context) {
                    for (field, value) in remembered(fields).iter() {
                        match (field.name(), value.as_text()) {
                            ("name", Some(name)) => name.clone_into(&mut placed.name),
                            ("defaultSenderAddress", _) => self.sender = Sender::of(fields),
                            _ => placed.fields.insert(field, value.clone()),
                        }
                    }
                }
            }
            (Operation::UserAccess { context, access, .. }, _) => {
                if let Some(placed) = self.placed.get_mut(context) {
                    placed.access = Some(*access);
                }
            }
            (Operation::UserSenderName { context, name, .. }, _) => {
                if let Some(placed) = self.placed.get_mut(context) {
                    placed.beside.sender_name = Some(name.clone()).filter(|name| !name.is_empty());
                }
            }
            (
                Operation::DeputyGrant { context, .. }
                | Operation::DeputyUpdate { context, .. }
                | Operation::DeputyRevoke { context, .. }
                | Operation::DeputiesRevokeAll { context, .. }
                | Operation::DeputiesBar { context, .. },
                reply,
            ) => {
                let talk = std::mem::take(&mut self.deputies);
                if let Some(known) = self.deputies_in(*context) {
                    talk.done(operation, reply, known);
                }
                self.deputies = talk;
            }
            (Operation::UserCapabilities { context, .. }, _) => {
                if let (Some(placed), Some(wanted)) = (self.placed.get_mut(context), &self.wanted) {
                    placed.beside.capabilities.clone_from(&wanted.capabilities);
                }
            }
            (Operation::UserDelete { context, .. }, _) => {
                self.placed.remove(context);
            }
            (Operation::AccountDelete { address, .. }, _) => {
                self.baggage.retain(|other| other != address);
            }
            (Operation::JourneyBegin { journey }, _) => {
                self.journey = Some(journey.clone());
                self.journey_before = Some(journey.clone());
                self.look = Look::Absent;
                return; // nothing in OX has changed
            }
            (Operation::UserCopy { from, to, .. }, Reply::Id(ox)) => {
                if let Some(original) = self.placed.get(from).cloned() {
                    self.pack(*from);
                    let beside = Beside::default();
                    self.placed.insert(*to, Placed { ox, access: None, beside, ..original });
                    self.unseen_copy = Some(*to);
                    self.identified = true;
                }
            }
            _ => {}
        }
        self.applied = true;
    }

    fn refused(&mut self, operation: &Operation, refusal: Refusal) -> bool {
        match (operation, refusal) {
            (Operation::UserCreate { .. }, Refusal::Exists) if self.look == Look::No => {
                self.look = Look::Wanted;
                true
            }
            (Operation::UserCreate { .. }, Refusal::Exists) if self.suspect && !self.late => {
                (self.late, self.look) = (true, Look::Wanted);
                true
            }
            (
                Operation::UserChange { context, .. }
                | Operation::UserAccess { context, .. }
                | Operation::UserSenderName { context, .. }
                | Operation::UserCapabilities { context, .. },
                Refusal::Missing,
            ) => {
                self.placed.remove(context);
                self.identified = false;
                true
            }
            (
                Operation::UserDelete { context, .. },
                Refusal::Missing | Refusal::ContextMissing(_),
            ) => self.placed.remove(context).is_some(),
            (
                Operation::DeputyGrant { context, .. }
                | Operation::DeputyUpdate { context, .. }
                | Operation::DeputyRevoke { context, .. }
                | Operation::DeputiesRevokeAll { context, .. }
                | Operation::DeputiesBar { context, .. },
                refusal,
            ) => {
                let mut talk = std::mem::take(&mut self.deputies);
                let known = self.deputies_in(*context);
                let goes_on = known.is_some_and(|known| talk.refused(operation, refusal, known));
                self.deputies = talk;
                goes_on
            }
            (Operation::AccountDelete { address, .. }, Refusal::MemberMissing) => {
                self.baggage.retain(|other| other != address);
                true
            }
            (Operation::UserCopy { from, .. }, Refusal::Missing) => {
                self.placed.remove(from).is_some()
            }
            (Operation::UserCopy { from, .. }, Refusal::ContextMissing(Some(gone)))
                if gone == *from =>
            {
                self.placed.remove(from).is_some()
            }
            (Operation::UserCopy { .. }, Refusal::Exists)
                if self.journey.is_some() && self.look == Look::Absent =>
            {
                // The journal says that nobody was there before: it is our copy, only late.
                self.look = Look::No;
                true
            }
            _ => false,
        }
    }

    fn answered(&mut self, question: &Question, answer: Answer) {
        let (context, target) = match question {
            Question::User(context, target) => (context, target),
            Question::Heir(..) => {
                self.heir = match answer {
                    Answer::User(heir) => Heir::Is(heir.id),
                    _ => Heir::Absent,
                };
                return;
            }
            Question::Number(_, login) => return self.deputies.numbered(login, &answer),
            Question::Deputies(context, user) => {
                let talk = std::mem::take(&mut self.deputies);
                if let Some(known) = self.deputies_in(*context) {
                    talk.listed(*user, answer, known);
                }
                self.deputies = talk;
                return;
            }
            _ => return,
        };
        if let Some(journey) = self.astray().filter(|journey| journey.to == *context).cloned() {
            match answer {
                Answer::User(user) => {
                    let fields = UserFields::new();
                    let (name, beside) = (journey.name, Beside::default());
                    let copy = Placed { ox: user.id, name, fields, access: None, beside };
                    self.placed.insert(journey.to, copy);
                }
                _ => self.journey = None,
            }
            return;
        }
        let Some(wanted) = &self.wanted else { return };
        let here = *context == wanted.context;
        let placed_here = self.placed.contains_key(context);
        let answer = match answer {
            // Whoever has the name we gave is somebody else now: ours is gone.
            Answer::Foreign(_) if placed_here => Answer::Absent,
            Answer::Foreign(owner) if here => {
                let by_new_name = *target == Target::Name(wanted.user.name.clone());
                if by_new_name || self.elsewhere(*context).is_none() {
                    self.taken = Some(owner);
                } else {
                    self.old_name_taken = true;
                }
                return;
            }
            answer => answer,
        };
        match answer {
            Answer::User(user) if placed_here && !here && self.twin.is_some() => {
                self.original = Some(user.id);
            }
            Answer::User(user) if placed_here && self.unseen_copy == Some(*context) => {
                self.see_copy(*context, &user);
            }
            Answer::User(user) if placed_here && self.is_hearsay(*context) => {
                self.adopt_under_old_name(*context, &user);
            }
            Answer::User(user) if placed_here => {
                // Looked up by the name we gave him: his number, and his sender address.
                self.compare(*context, &user);
                self.sender = Sender::of(&user.fields);
                self.identified = true;
                if let Some(placed) = self.placed.get_mut(context) {
                    placed.ox = user.id;
                }
            }
            Answer::Absent if placed_here && self.unseen_copy.is_none() => {
                self.placed.remove(context);
                self.look = Look::Wanted;
            }
            // A copy that cannot be seen yet is asked for again.
            Answer::Absent if placed_here => {}
            Answer::User(user) if here && self.is_under_way(*context) => {
                let renamed = *target == Target::Name(wanted.user.name.clone());
                let new_name = renamed.then(|| wanted.user.name.clone());
                let journey = self.journey.as_ref();
                let journey = journey.map(|j| (j.from, new_name.unwrap_or(j.name.clone())));
                if let Some((from, name)) = journey
                    && let Some(original) = self.placed.get(&from).cloned()
                {
                    let beside = Beside::default();
                    let copy = Placed { ox: user.id, name, access: None, beside, ..original };
                    self.pack(from);
                    self.placed.insert(*context, copy);
                    self.see_copy(*context, &user);
                    self.identified = true;
                }
            }
            Answer::User(user) if here => {
                let administrator = user.fields.get("contextadmin") == Some(&true.into());
                let by_new_name = *target == Target::Name(wanted.user.name.clone());
                if self.elsewhere(*context).is_some() && !(administrator && by_new_name) {
                    self.twin = Some(user.id);
                } else {
                    self.adopt(*context, &user);
                }
            }
            Answer::Absent if here => {
                let travelling = self.elsewhere(*context).is_some();
                if travelling && !self.is_under_way(*context) {
                    if self.free.0 {
                        self.free.1 = true;
                    } else {
                        self.free.0 = true;
                    }
                } else if travelling && self.look == Look::Absent {
                    self.free.0 = true;
                } else {
                    self.look = Look::Absent;
                }
            }
            _ => {}
        }
    }

    fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for context in self.before.keys().filter(|c| !self.placed.contains_key(c)) {
            changes.push(Change::DropPlacement { id: self.id.clone(), context: *context });
        }
        for (context, placed) in &self.placed {
            let mut placed = placed.clone();
            if let Some(wanted) = self.wanted.as_ref().filter(|wanted| wanted.context == *context) {
                placed.beside.heir.clone_from(&wanted.heir);
            }
            if self.before.get(context) != Some(&placed) && !self.half_copied(*context) {
                changes.push(Change::PutPlacement {
                    id: self.id.clone(),
                    context: *context,
                    placement: Placement::User {
                        ox: placed.ox,
                        name: placed.name.clone(),
                        fields: placed.fields.clone(),
                        access: placed.access,
                        beside: placed.beside.clone(),
                    },
                });
            }
        }
        // A journey has ended when the user is in no more than one context.
        let journey = self.journey.clone().filter(|j| self.placed.contains_key(&j.from));
        if journey != self.journey_before {
            changes.push(Change::PutJourney { id: self.id.clone(), journey });
        }
        changes
    }

    fn applied(&self) -> bool {
        self.applied
    }

    fn adopted(&self) -> bool {
        self.adopted
    }
}
