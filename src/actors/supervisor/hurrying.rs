//! What locks somebody out goes before the bulk.
//!
//! That is: a user is deleted, switched off, out of scope, or loses all rights or his mail. Such an item
//! goes first between lanes; inside its lane it is put before the first entry that is in no hurry, once
//! there is a backlog. Nothing that is being done or stands still is overtaken, and nothing that the item
//! depends on: its object's earlier items and whatever else must stay ahead of it come along.

use super::Supervisor;
use crate::lanes::{EntryId, Lane};
use crate::model::object::DirectoryObject;
use crate::model::{FieldValue, ItemName, ModuleAccess, ObjectKind, QueueFile};
use crate::plan::attributes::is_mail_enabled;
use crate::plan::coalesce::Presence;
use crate::store::Placement;

/// With no more waiting in a lane nobody gains anything by changing the order.
const BACKLOG: usize = 16;

impl Supervisor {
    /// An item was routed: if it locks somebody out it goes first.
    pub(super) fn hurry_leaver(&mut self, file: &QueueFile, presence: Presence, entry: EntryId) {
        if !self.rules.leavers_first || file.kind != ObjectKind::User {
            return;
        }
        let there = self.env.index.with(&file.id, |known| !known.placed.is_empty()) == Some(true);
        if !there {
            return;
        }
        let lanes: Vec<Lane> = self.lanes.open_lanes(entry).collect();
        let piles_up = lanes.iter().any(|lane| self.lanes.depth(*lane) > BACKLOG);
        let leaves = match presence {
            Presence::Gone | Presence::Off => true,
            // It takes a look into the memory.
            Presence::On => {
                (piles_up || self.running >= self.rules.most_running) && self.locks_out(file, entry)
            }
            Presence::Fixed => false,
        };
        if !leaves {
            return;
        }
        self.lanes.hurry(entry);
        // One who moves stands in two lanes, whose orders would have to change together.
        if let [lane @ Lane::Context(_)] = *lanes
            && piles_up
            && let Some(bulk) = self.bulk_of(lane)
        {
            self.lanes.overtake(entry, bulk);
        }
    }

    /// The first entry of a lane that may be overtaken.
    fn bulk_of(&mut self, lane: Lane) -> Option<EntryId> {
        let lanes = &self.lanes;
        let may_be = |entry: &EntryId| {
            !lanes.is_hurried(*entry)
                && !lanes.begun(*entry)
                && !lanes.is_stopped(*entry)
                && !lanes.is_parked(*entry)
        };
        let known = self.bulk.get(&lane).copied();
        let known = known.filter(|entry| lanes.task(*entry).is_some() && may_be(entry));
        let found = known.or_else(|| lanes.in_lane(lane).find(may_be))?;
        self.bulk.insert(lane, found);
        Some(found)
    }

    /// Whether a user who is in OX with rights and mail is to lose either.
    fn locks_out(&self, file: &QueueFile, entry: EntryId) -> bool {
        let Some(DirectoryObject::User(user)) = &file.object else { return false };
        let nowhere = ItemName::new("");
        let name = self.lanes.task(entry).map_or(&nowhere, |task| &task.name);
        let access = match &user.profile {
            None => ModuleAccess::NONE,
            Some(profile) => {
                let book = match self.env.book.read() {
                    Ok(book) => book,
                    Err(poisoned) => poisoned.into_inner(),
                };
                match book.resolve(profile, name) {
                    Ok(access) => access,
                    Err(_) => return false,
                }
            }
        };
        let mail = is_mail_enabled(user.profile.as_deref(), Some(access));
        if access != ModuleAccess::NONE && mail {
            return false;
        }
        let Ok(Some(record)) = self.env.store.object(&file.id) else { return false };
        record.placements.values().any(|placement| match placement {
            Placement::User { fields, access: before, .. } => {
                let had_mail = fields.get("mailenabled") == Some(&FieldValue::Bool(true));
                let had_rights = before.is_some_and(|before| before != ModuleAccess::NONE);
                had_rights && access == ModuleAccess::NONE || had_mail && !mail
            }
            _ => false,
        })
    }
}
