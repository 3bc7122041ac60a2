//! Passwords for the administrators of new contexts.

use rand::TryRngCore;
use rand::rand_core::OsError;
use rand::rngs::OsRng;

use crate::model::Secret;

/// Characters of a password; letters and digits only, because it travels through many tools.
const LENGTH: usize = 64;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Largest multiple of the alphabet's length in a byte: what is above would favour some characters.
const FAIR: u8 = 248;

/// A new password from the system's randomness, with an upper-case letter, a lower-case letter and
/// a digit at least.
pub(super) fn generate() -> Result<Secret, OsError> {
    loop {
        let password = draw()?;
        let has = |class: fn(&u8) -> bool| password.as_bytes().iter().any(class);
        if has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit) {
            return Ok(Secret::new(password));
        }
    }
}

fn draw() -> Result<String, OsError> {
    let mut password = String::with_capacity(LENGTH);
    while password.len() < LENGTH {
        let mut bytes = [0; LENGTH];
        OsRng.try_fill_bytes(&mut bytes)?;
        let fair = bytes.iter().filter(|byte| **byte < FAIR);
        let left = LENGTH - password.len();
        password.extend(
            fair.take(left).map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])),
        );
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Rules: D49
    #[test]
    fn passwords_differ_and_have_every_class() {
        assert_eq!(usize::from(FAIR) % ALPHABET.len(), 0);
        let passwords: BTreeSet<String> =
            (0..200).map(|_| generate().unwrap().reveal().to_owned()).collect();
        assert_eq!(passwords.len(), 200);
        for password in &passwords {
            assert_eq!(password.len(), LENGTH);
            assert!(password.bytes().all(|byte| ALPHABET.contains(&byte)));
            for class in [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit] {
                assert!(password.as_bytes().iter().any(class));
            }
        }
        let used: BTreeSet<char> = passwords.iter().flat_map(|password| password.chars()).collect();
        assert_eq!(used.len(), ALPHABET.len());
    }
}
