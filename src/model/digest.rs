//! Digests that stand for long binary values where only "is it still the same?" matters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Every digest begins so; no base64 text does, because `:` is not in its alphabet.
const PREFIX: &str = "sha256:";

/// `sha256:` and 64 hex digits of the bytes that `base64` stands for.
///
/// Blanks in the base64 do not matter, so the same picture wrapped differently has one digest.
/// Text that is not base64 is digested as it is, and a digest stays what it is.
pub fn content_digest(base64: &str) -> String {
    if is_digest(base64) {
        return base64.to_owned();
    }
    let compact: String = base64.split_whitespace().collect();
    let bytes = STANDARD.decode(&compact).unwrap_or_else(|_| compact.into_bytes());
    let mut digest = PREFIX.to_owned();
    for byte in Sha256::digest(&bytes) {
        digest.push(hex(byte >> 4));
        digest.push(hex(byte & 15));
    }
    digest
}

/// Whether the text is a digest made by [`content_digest`].
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix(PREFIX)
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn hex(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_the_bytes_and_stays_a_digest() {
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(content_digest("YWJj"), abc);
        assert_eq!(content_digest("YW\n Jj"), abc, "line breaks do not matter");
        assert_eq!(content_digest(abc), abc);
        assert!(is_digest(abc) && !is_digest("YWJj") && !is_digest("sha256:xyz"));
        assert!(is_digest(&content_digest("no base64 at all!")));
    }
}
