//! Resources: created, changed, moved between contexts, adopted.
//!
//! OX cannot copy a resource, so a move creates it in the new context first and deletes it in the
//! old one last.

use std::collections::BTreeMap;

use super::attributes::Texts;
use super::{Answer, Case, Next, Operation, Problem, Question, Refusal, Reply};
use crate::model::object::ResourceObject;
use crate::model::{ContextId, ObjectId, OxId};
use crate::ox::{ResourceData, Target};
use crate::store::{Change, ObjectRecord, Placement};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Placed {
    ox: OxId,
    data: ResourceData,
}

impl Placed {
    fn name(&self) -> String {
        self.data.name.clone().unwrap_or_default()
    }
}

/// After an unknown outcome so many looks in a row (with growing pauses between them) have to miss a
/// resource before it is made. OX works on after the connection is gone and shows the resource only
/// when it is through; and it does not refuse a second resource of the same name that comes while
/// the first is being made. Users, groups and contexts need no second look: of two at once OX refuses
/// one, which is then looked for.
const SURELY_ABSENT: u8 = 3;

/// One resource on its way.
#[derive(Debug)]
pub struct ResourceCase {
    id: ObjectId,
    wanted: Option<(ContextId, ResourceData)>,
    placed: BTreeMap<ContextId, Placed>,
    before: BTreeMap<ContextId, Placed>,
    look: bool,
    looked: bool,
    /// A create was refused although nothing was there a moment before: most likely an earlier try,
    /// whose outcome was not known, came through meanwhile.
    late: bool,
    /// How often OX has said that there is none of the wanted name.
    absences: u8,
    identified: bool,
    /// The wanted name belongs to another object.
    taken: Option<ObjectId>,
    suspect: bool,
    applied: bool,
    adopted: bool,
}

impl ResourceObject {
    /// The resource under a name that OX takes.
    pub(crate) fn named(&self, texts: Texts) -> Self {
        Self { name: texts.name(&self.name, true), ..self.clone() }
    }
}

impl ResourceCase {
    /// A resource as known, and as wanted (none: nowhere).
    pub fn new(
        id: ObjectId,
        wanted: Option<&ResourceObject>,
        record: Option<&ObjectRecord>,
        suspect: bool,
    ) -> Self {
        let mut placed = BTreeMap::new();
        for (context, placement) in record.iter().flat_map(|r| &r.placements) {
            if let Placement::Resource { ox, data } = placement {
                placed.insert(*context, Placed { ox: *ox, data: data.clone() });
            }
        }
        let wanted = wanted.and_then(|object| {
            let data = ResourceData {
                name: Some(object.name.clone()),
                display_name: Some(object.display_name.clone()),
                description: Some(object.description.clone()),
                email: object.address.clone(),
                available: Some(true),
            };
            // One that loses its context stays where it is, as users do.
            let context = object.context.or_else(|| placed.keys().next().copied());
            context.map(|context| (context, data))
        });
        Self {
            id,
            wanted,
            before: placed.clone(),
            placed,
            look: suspect,
            looked: false,
            late: false,
            absences: 0,
            identified: false,
            taken: None,
            suspect,
            applied: false,
            adopted: false,
        }
    }
}

/// The values that differ; none if none does. What is not wanted (no address) stays as it is.
fn delta(wanted: &ResourceData, last: &ResourceData) -> Option<ResourceData> {
    fn differs<T: PartialEq + Clone>(wanted: Option<&T>, last: Option<&T>) -> Option<T> {
        wanted.filter(|_| wanted != last).cloned()
    }
    let data = ResourceData {
        name: differs(wanted.name.as_ref(), last.name.as_ref()),
        display_name: differs(wanted.display_name.as_ref(), last.display_name.as_ref()),
        description: differs(wanted.description.as_ref(), last.description.as_ref())
            .filter(|text| !(text.is_empty() && last.description.is_none())),
        email: differs(wanted.email.as_ref(), last.email.as_ref()),
        available: differs(wanted.available.as_ref(), last.available.as_ref()),
    };
    (data != ResourceData::default()).then_some(data)
}

impl Case for ResourceCase {
    fn next(&self) -> Next {
        let leave = |skip: Option<ContextId>| {
            let (context, placed) = self.placed.iter().find(|(c, _)| Some(**c) != skip)?;
            let resource = Target::Name(placed.name());
            Some(Next::Do(Operation::ResourceDelete { context: *context, resource }))
        };
        let Some((context, wanted)) = &self.wanted else {
            return leave(None).unwrap_or(Next::Done { why: "is not in OX and is not to be" });
        };
        let context = *context;
        if let Some(owner) = self.taken.clone() {
            return Next::Stuck(Problem::NameTaken { context, owner });
        }
        let Some(placed) = self.placed.get(&context) else {
            let name = wanted.name.clone().unwrap_or_default();
            if self.look && !self.looked {
                return Next::Ask(Question::Resource(context, name));
            }
            if wanted.email.is_none() {
                return Next::Stuck(Problem::ResourceWithoutAddress);
            }
            return Next::Do(Operation::ResourceCreate { context, data: wanted.clone() });
        };
        if let Some(data) = delta(wanted, &placed.data) {
            if data.name.is_some() && !self.identified {
                return Next::Ask(Question::Resource(context, placed.name()));
            }
            let resource = match data.name {
                Some(_) => Target::Id(placed.ox),
                None => Target::Name(placed.name()),
            };
            return Next::Do(Operation::ResourceChange { context, resource, data });
        }
        leave(Some(context)).unwrap_or(Next::Done { why: "is in OX as wanted" })
    }

    fn done(&mut self, operation: &Operation, reply: Reply) {
        self.applied = true;
        match (operation, reply) {
            (Operation::ResourceCreate { context, data }, Reply::Id(ox)) => {
                self.placed.insert(*context, Placed { ox, data: data.clone() });
            }
            (Operation::ResourceChange { context, data, .. }, _) => {
                if let Some(placed) = self.placed.get_mut(context) {
                    let (old, new) = (placed.data.clone(), data.clone());
                    placed.data = ResourceData {
                        name: new.name.or(old.name),
                        display_name: new.display_name.or(old.display_name),
                        description: new.description.or(old.description),
                        email: new.email.or(old.email),
                        available: new.available.or(old.available),
                    };
                }
            }
            (Operation::ResourceDelete { context, .. }, _) => {
                self.placed.remove(context);
            }
            _ => {}
        }
    }

    fn refused(&mut self, operation: &Operation, refusal: Refusal) -> bool {
        match (operation, refusal) {
            (Operation::ResourceCreate { .. }, Refusal::Exists) if !self.looked => {
                self.look = true;
                true
            }
            (Operation::ResourceCreate { .. }, Refusal::Exists) if self.suspect && !self.late => {
                (self.late, self.looked, self.absences) = (true, false, 0);
                true
            }
            (Operation::ResourceChange { context, .. }, Refusal::Missing) => {
                self.placed.remove(context).is_some()
            }
            (
                Operation::ResourceDelete { context, .. },
                Refusal::Missing | Refusal::ContextMissing(_),
            ) => self.placed.remove(context).is_some(),
            _ => false,
        }
    }

    fn answered(&mut self, question: &Question, answer: Answer) {
        let Question::Resource(context, _) = question else { return };
        match answer {
            Answer::Resource(found) => match self.placed.get_mut(context) {
                Some(placed) => {
                    placed.ox = found.id;
                    self.identified = true;
                }
                None => {
                    self.looked = true;
                    self.identified = true;
                    self.adopted = !self.suspect;
                    // Its name is the wanted one but perhaps for case, which is put right.
                    self.placed.insert(*context, Placed { ox: found.id, data: found.data });
                }
            },
            Answer::Foreign(owner) if !self.placed.contains_key(context) => {
                self.taken = Some(owner);
            }
            Answer::Absent | Answer::Foreign(_) => {
                if self.placed.remove(context).is_some() {
                    self.look = true;
                } else {
                    self.absences += 1;
                    self.looked = !self.suspect || self.absences >= SURELY_ABSENT;
                }
            }
            _ => {}
        }
    }

    fn changes(&self) -> Vec<Change> {
        let gone = self
            .before
            .keys()
            .filter(|c| !self.placed.contains_key(c))
            .map(|context| Change::DropPlacement { id: self.id.clone(), context: *context });
        let put = self
            .placed
            .iter()
            .filter(|(context, placed)| self.before.get(context) != Some(placed))
            .map(|(context, placed)| Change::PutPlacement {
                id: self.id.clone(),
                context: *context,
                placement: Placement::Resource { ox: placed.ox, data: placed.data.clone() },
            });
        gone.chain(put).collect()
    }

    fn applied(&self) -> bool {
        self.applied
    }

    fn adopted(&self) -> bool {
        self.adopted
    }
}
