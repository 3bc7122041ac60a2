//! What a fault means and what to do about it, for people: a catalogue of every fault that is known of
//! OX, of what lies between drover and OX, and of drover itself.
//!
//! Pure: a fault's class and text go in, a hint comes out. A code stays the same for ever, so that
//! runbooks and searches can go by it; words may be improved. Faults are matched by the fixed parts of
//! their texts, in the order of the [`CATALOGUE`]; no entry but one fits any fault, except the general
//! ones at the end.
//!
//! | file | holds |
//! |---|---|
//! | `seen` | a fault taken apart: who says it, about which call, in what words |
//! | `when` | which faults an entry is about |
//! | `catalogue/…` | the entries |
//! | `speech` | which of the two languages somebody wants |
//! | `beside` | hints put beside the faults of an answer |

mod beside;
mod catalogue;
mod seen;
mod speech;
#[cfg(test)]
mod tests;
mod when;

pub use beside::{put_beside, put_beside_outage};
pub use catalogue::{CATALOGUE, GENERAL};
pub use speech::Language;
pub use when::When;

use seen::Seen;

/// Something in both languages.
#[derive(Debug, Clone, Copy)]
pub struct Both {
    /// English.
    pub en: &'static str,
    /// German.
    pub de: &'static str,
}

impl Both {
    fn in_language(self, language: Language) -> &'static str {
        match language {
            Language::English => self.en,
            Language::German => self.de,
        }
    }
}

/// A kind of fault.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its name, which never changes.
    pub code: &'static str,
    /// Faults that are of this kind.
    pub when: &'static [When],
    /// What has happened. `{context}` stands for the context's number.
    pub means: Both,
    /// What to do.
    pub cure: Both,
}

/// What is told of one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The kind of fault.
    pub code: &'static str,
    /// What has happened, in a sentence or two.
    pub means: String,
    /// What to do, likewise.
    pub cure: String,
}

/// The kind of a fault with that class and text, as [`crate::provision::Failure`] has them; an unknown
/// class fits any. There always is one.
pub fn kind_of(class: Option<&str>, text: &str) -> &'static Entry {
    let seen = Seen::of(class, text);
    let fits = |entry: &&Entry| entry.when.iter().any(|when| when.fits(&seen));
    CATALOGUE.iter().copied().flatten().find(fits).unwrap_or_else(|| {
        // The last of the general ones fits everything.
        GENERAL.iter().find(fits).unwrap_or(&GENERAL[GENERAL.len() - 1])
    })
}

/// What is told of a fault with that class and text.
pub fn hint(class: Option<&str>, text: &str, language: Language) -> Hint {
    let entry = kind_of(class, text);
    let context = seen::context_in(text).unwrap_or("N");
    let told = |both: Both| both.in_language(language).replace("{context}", context);
    Hint { code: entry.code, means: told(entry.means), cure: told(entry.cure) }
}
