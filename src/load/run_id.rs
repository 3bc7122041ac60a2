//! What marks everything that a run makes: its name, and its range of context numbers.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The name of a run, and the number of its first context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunId {
    name: String,
    first_context: u32,
}

/// Drawn numbers of contexts begin here: far from those that people give.
const DRAWN: Range<u32> = 1_000_000_000..2_000_000_000;

impl RunId {
    /// A run of that name. None unless it has 1 to 20 small letters and digits and the range of
    /// context numbers begins above 0.
    pub fn new(name: &str, first_context: u32) -> Option<Self> {
        let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = (1..=20).contains(&name.len()) && name.chars().all(sound) && first_context > 0;
        fits.then(|| Self { name: name.to_owned(), first_context })
    }

    /// A run with a name and a range that no other has, but for a chance of one in millions.
    pub fn drawn(first_context: Option<u32>) -> Self {
        let name = format!("{:08x}", rand::random::<u32>());
        let (begin, length) = (DRAWN.start, DRAWN.end - DRAWN.start);
        // Rounded, so that people recognise them.
        let drawn = begin + rand::random_range(0..length / 100_000) * 100_000 + 1;
        Self { name, first_context: first_context.unwrap_or(drawn) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `load-NAME`: in names of contexts and groups, in addresses.
    pub fn label(&self) -> String {
        format!("load-{}", self.name)
    }

    /// The number in OX of a context, counted from 0.
    pub fn context_id(&self, context: u32) -> u32 {
        self.first_context.saturating_add(context)
    }

    /// The name in OX of a context, counted from 0.
    pub fn context_name(&self, context: u32) -> String {
        format!("load-{}-{context}", self.name)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_out_of_its_folder_and_a_range_is_never_nothing() {
        for bad in ["", "../x", "A", "a b", "abcdefghijklmnopqrstu"] {
            assert_eq!(RunId::new(bad, 1), None, "{bad}");
        }
        assert_eq!(RunId::new("a1", 0), None);
        let run = RunId::new("a1", 500).unwrap();
        assert_eq!((run.context_id(7), run.context_name(7).as_str()), (507, "load-a1-7"));
        let drawn = RunId::drawn(None);
        assert_eq!(RunId::new(drawn.name(), drawn.context_id(0)), Some(drawn));
    }
}
