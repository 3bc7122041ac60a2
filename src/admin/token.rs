//! Who may do what: roles, and the tokens that give them.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::model::Secret;
use crate::settings::Admin as AdminSettings;

/// What somebody may do; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// See whether drover is well.
    Nobody,
    /// See everything.
    Reader,
    /// Give orders.
    Operator,
}

/// Files with tokens. They are read when they are needed, so that a new token holds at once.
#[derive(Debug)]
pub(crate) struct Tokens {
    operator: Option<PathBuf>,
    reader: Option<PathBuf>,
}

/// Shortest token that counts, in bytes: a shorter one could be guessed.
pub(super) const SHORTEST: usize = 16;

/// Others may neither read nor write it, nor may the group write it. A group that reads is how secrets
/// come into containers.
const FORBIDDEN: u32 = 0o027;

/// Why a file gives no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    /// It cannot be read.
    #[error("cannot read the token in {path}; check its owner and mode")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others can read or change it.
    #[error(
        "the token in {path} does not count: its mode is {mode:04o}, so others can read or change it; \
         chmod 0600 it, and give out a new token"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It could be guessed.
    #[error(
        "the token in {path} does not count: it has fewer than {SHORTEST} bytes; write one such as \
         \"openssl rand -hex 32\" makes"
    )]
    Short {
        /// The file.
        path: PathBuf,
    },
}

impl Tokens {
    pub(super) fn new(settings: &AdminSettings) -> Self {
        Self { operator: settings.token_file.clone(), reader: settings.read_token_file.clone() }
    }

    /// Why some of the files give no token now.
    pub(super) fn problems(&self) -> Vec<TokenError> {
        let files = self.operator.iter().chain(&self.reader);
        files.filter_map(|path| read(path).err()).collect()
    }

    /// The role a token gives; nobody's, if it is none of those in the files.
    pub(crate) fn role(&self, token: &str) -> Role {
        let fits = |path: &Option<PathBuf>| {
            let held = path.as_ref().and_then(|path| read(path).ok());
            held.is_some_and(|held| same(token.as_bytes(), held.reveal().as_bytes()))
        };
        // Both are compared in any case.
        match (fits(&self.operator), fits(&self.reader)) {
            (true, _) => Role::Operator,
            (false, true) => Role::Reader,
            (false, false) => Role::Nobody,
        }
    }
}

/// The token in a file that only its owner can have written.
fn read(path: &Path) -> Result<Secret, TokenError> {
    let unreadable = |source| TokenError::Unreadable { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    // Of what was opened, whatever has that name by now.
    let mode = file.metadata().map_err(unreadable)?.mode() & 0o7777;
    if mode & FORBIDDEN != 0 {
        return Err(TokenError::Open { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    let token = Secret::new(text.trim());
    if token.reveal().len() < SHORTEST {
        return Err(TokenError::Short { path: path.to_owned() });
    }
    Ok(token)
}

/// Compares so that the time it takes tells nothing about where they differ.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    let (one, other) = (Sha256::digest(one), Sha256::digest(other));
    one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_token_gives_the_role_of_its_file_as_it_is_now() {
        let dir = tempfile::tempdir().unwrap();
        let (operator, reader) = (dir.path().join("operator"), dir.path().join("reader"));
        write(&operator, "operator-0123456789\n", 0o600);
        write(&reader, "short\n", 0o600);
        let tokens = Tokens { operator: Some(operator.clone()), reader: Some(reader.clone()) };
        assert_eq!(tokens.role("operator-0123456789"), Role::Operator);
        assert_eq!(tokens.role("short"), Role::Nobody, "could be guessed");
        assert!(matches!(tokens.problems()[..], [TokenError::Short { .. }]));
        assert_eq!(tokens.role(""), Role::Nobody);
        write(&reader, "reader-0123456789", 0o600);
        assert!(tokens.problems().is_empty());
        assert_eq!(tokens.role("reader-0123456789"), Role::Reader);
        write(&operator, "operator-9876543210", 0o600);
        assert_eq!(tokens.role("operator-0123456789"), Role::Nobody);
        fs::remove_file(&operator).unwrap();
        assert_eq!(tokens.role("operator-9876543210"), Role::Nobody);
        assert!(matches!(tokens.problems()[..], [TokenError::Unreadable { .. }]));
    }

    #[test]
    fn a_token_that_others_can_read_or_change_gives_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let tokens = Tokens { operator: Some(path.clone()), reader: None };
        for (mode, counts) in [
            (0o600, true),
            (0o400, true),
            (0o440, true),
            (0o640, true),
            (0o644, false),
            (0o660, false),
            (0o602, false),
            (0o601, false),
        ] {
            write(&path, "operator-0123456789", mode);
            let role = tokens.role("operator-0123456789");
            assert_eq!(role == Role::Operator, counts, "{mode:o}");
            let told = tokens.problems();
            assert_eq!(told.is_empty(), counts, "{told:?}");
            assert!(counts || told[0].to_string().contains("chmod 0600"), "{told:?}");
        }
    }
}
