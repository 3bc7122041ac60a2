//! The entries, by what they are about.

mod account;
mod context;
mod directory;
mod group;
mod local;
mod login;
mod network;
mod resource;
mod server;
mod user;

use super::when::{anything, refused};
use super::{Both, Entry};

/// The same in English and German.
const fn both(en: &'static str, de: &'static str) -> Both {
    Both { en, de }
}

/// All entries that are about something in particular. No two of them fit one fault.
pub const CATALOGUE: &[&[Entry]] = &[
    login::ENTRIES,
    context::ENTRIES,
    user::ENTRIES,
    group::ENTRIES,
    resource::ENTRIES,
    account::ENTRIES,
    server::ENTRIES,
    network::ENTRIES,
    directory::ENTRIES,
    local::ENTRIES,
];

/// What is told of faults that no entry is about. The last one fits everything.
pub const GENERAL: &[Entry] = &[
    Entry {
        code: "refused",
        when: &[refused("", &["*"])],
        means: both(
            "OX refuses this object, in words that drover's catalogue does not know.",
            "OX lehnt dieses Objekt ab, mit Worten, die drovers Verzeichnis nicht kennt.",
        ),
        cure: both(
            "Read OX's own words in the fault; with the exception id more is to be found in the log \
             of OX's middleware. Put the object right in the directory, or the cause in OX; drover \
             tries again by itself.",
            "Die Worte von OX in der Störung lesen; mit der Exception-Id steht mehr im Log der \
             OX-Middleware. Das Objekt im Verzeichnisdienst berichtigen oder die Ursache in OX \
             beheben; drover versucht es von selbst wieder.",
        ),
    },
    Entry {
        code: "unknown",
        when: &[anything()],
        means: both(
            "drover's catalogue does not know this fault.",
            "drovers Verzeichnis kennt diese Störung nicht.",
        ),
        cure: both(
            "Read the fault's own words, and drover's log around its time; drover tries again by \
             itself.",
            "Die Worte der Störung lesen, und drovers Log um diese Zeit; drover versucht es von \
             selbst wieder.",
        ),
    },
];
