//! Colour, where somebody sees it.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// It stands still.
    Bad,
    /// It waits for somebody.
    Odd,
    /// It goes.
    Good,
    /// It is of less interest.
    Dim,
    /// It is what the others belong to.
    Strong,
}

impl Colour {
    fn code(self) -> &'static str {
        match self {
            Self::Bad => "31;1",
            Self::Odd => "33",
            Self::Good => "32",
            Self::Dim => "2",
            Self::Strong => "1",
        }
    }

    /// The colour of a context's or an item's state.
    pub(super) fn of_state(state: &str) -> Option<Self> {
        match state {
            "stopped" | "faulty" => Some(Self::Bad),
            "held" | "aside" | "parked" | "blocked" => Some(Self::Odd),
            "working" | "running" | "applied" => Some(Self::Good),
            "idle" => Some(Self::Dim),
            _ => None,
        }
    }
}

/// The text in that colour, if the answer goes to a terminal whose user wants colours.
pub(super) fn painted(text: &str, colour: impl Into<Option<Colour>>) -> String {
    static WANTED: OnceLock<bool> = OnceLock::new();
    let wanted = *WANTED.get_or_init(|| {
        let set = |name: &str| std::env::var(name).unwrap_or_default();
        is_wanted(io::stdout().is_terminal(), &set("NO_COLOR"), &set("TERM"))
    });
    match colour.into() {
        Some(colour) if wanted => in_colour(text, colour),
        _ => text.to_owned(),
    }
}

fn in_colour(text: &str, colour: Colour) -> String {
    format!("\u{1b}[{}m{text}\u{1b}[0m", colour.code())
}

/// By <https://no-color.org>: any text but none says no.
fn is_wanted(terminal: bool, no_color: &str, term: &str) -> bool {
    terminal && no_color.is_empty() && term != "dumb"
}

/// How many columns a text takes, colours left out.
pub(super) fn width(text: &str) -> usize {
    let mut columns = 0;
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        if next == '\u{1b}' {
            rest.by_ref().take_while(|end| *end != 'm').for_each(drop);
        } else {
            columns += 1;
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_whose_user_does_not_refuse_them() {
        assert!(is_wanted(true, "", "xterm-256color"));
        assert!(!is_wanted(false, "", "xterm-256color"));
        assert!(!is_wanted(true, "1", "xterm-256color"));
        assert!(!is_wanted(true, "", "dumb"));
        assert_eq!(width(&in_colour("faulty", Colour::Bad)), 6);
        assert_eq!(width("größer"), 6);
    }
}
