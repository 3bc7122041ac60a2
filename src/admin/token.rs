//! Who may do what: roles, and the tokens that give them.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use crate::model::Secret;
use crate::settings::Admin as AdminSettings;

/// What somebody may do; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// See whether drover is well.
    Nobody,
    /// See everything.
    Reader,
    /// Give orders.
    Operator,
}

/// Files with tokens. They are read when they are needed, so that a new token holds at once.
#[derive(Debug)]
pub(super) struct Tokens {
    operator: Option<PathBuf>,
    reader: Option<PathBuf>,
}

/// Shortest token that counts, in bytes: a shorter one could be guessed.
pub(super) const SHORTEST: usize = 16;

impl Tokens {
    pub(super) fn new(settings: &AdminSettings) -> Self {
        Self { operator: settings.token_file.clone(), reader: settings.read_token_file.clone() }
    }

    /// The role a token gives; nobody's, if it is none of those in the files.
    pub(super) fn role(&self, token: &str) -> Role {
        let fits = |path: &Option<PathBuf>| {
            let held = path.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
            let held = held.map(|text| Secret::new(text.trim()));
            held.is_some_and(|held| {
                held.reveal().len() >= SHORTEST && same(token.as_bytes(), held.reveal().as_bytes())
            })
        };
        if fits(&self.operator) {
            Role::Operator
        } else if fits(&self.reader) {
            Role::Reader
        } else {
            Role::Nobody
        }
    }
}

/// Compares so that the time it takes tells nothing about where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    let (one, other) = (Sha256::digest(one), Sha256::digest(other));
    one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_gives_the_role_of_its_file_as_it_is_now() {
        let dir = tempfile::tempdir().unwrap();
        let (operator, reader) = (dir.path().join("operator"), dir.path().join("reader"));
        std::fs::write(&operator, "operator-0123456789\n").unwrap();
        std::fs::write(&reader, "short\n").unwrap();
        let tokens = Tokens { operator: Some(operator.clone()), reader: Some(reader.clone()) };
        assert_eq!(tokens.role("operator-0123456789"), Role::Operator);
        assert_eq!(tokens.role("short"), Role::Nobody, "could be guessed");
        assert_eq!(tokens.role(""), Role::Nobody);
        std::fs::write(&reader, "reader-0123456789").unwrap();
        assert_eq!(tokens.role("reader-0123456789"), Role::Reader);
        std::fs::write(&operator, "operator-9876543210").unwrap();
        assert_eq!(tokens.role("operator-0123456789"), Role::Nobody);
        std::fs::remove_file(&operator).unwrap();
        assert_eq!(tokens.role("operator-9876543210"), Role::Nobody);
    }
}
