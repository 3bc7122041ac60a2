//! Photos: the smallest picture that every JPEG decoder accepts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Everything before the quantisation table: start of image, JFIF header.
const HEADER: &[u8] =
    &[0xFF, 0xD8, 0xFF, 0xE0, 0, 16, b'J', b'F', b'I', b'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0];

/// One grey component of 8×8 pixels; then the two Huffman tables: twelve DC categories of four bits
/// each, and "end of block" as the only AC symbol; then the start of the scan.
const FRAME: &[u8] = &[
    0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0, //
    0xFF, 0xC4, 0, 31, 0x00, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, //
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, //
    0xFF, 0xC4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, //
    0xFF, 0xDA, 0, 8, 1, 1, 0x00, 0, 63, 0,
];

/// A plain grey square of 8×8 pixels as base64 text of a JPEG file.
pub(super) fn photo(grey: u8) -> String {
    let mut file = HEADER.to_vec();
    file.extend([0xFF, 0xDB, 0, 67, 0]);
    file.extend([1; 64]);
    file.extend(FRAME);
    file.extend(scan(grey));
    file.extend([0xFF, 0xD9]);
    STANDARD.encode(file)
}

/// The only block: its DC value, then "end of block", filled up with ones.
fn scan(grey: u8) -> Vec<u8> {
    let dc = 8 * (i32::from(grey) - 128);
    let category = 32 - dc.unsigned_abs().leading_zeros();
    // A negative value is written as the complement of its size.
    let value = if dc < 0 { dc - 1 } else { dc };
    let value = value & ((1 << category) - 1);
    let mut bits = String::new();
    for shift in (0..4).rev() {
        bits.push(if (category >> shift) & 1 == 1 { '1' } else { '0' });
    }
    for shift in (0..category).rev() {
        bits.push(if (value >> shift) & 1 == 1 { '1' } else { '0' });
    }
    bits.push('0');
    while !bits.len().is_multiple_of(8) {
        bits.push('1');
    }
    let mut bytes = Vec::new();
    for byte in bits.as_bytes().chunks(8) {
        let byte = byte.iter().fold(0, |byte, bit| (byte << 1) | (bit - b'0'));
        bytes.push(byte);
        if byte == 0xFF {
            bytes.push(0);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_have_the_lengths_they_claim() {
        for grey in 0..=255 {
            let file = STANDARD.decode(photo(grey)).unwrap();
            let mut at = 2;
            while file[at + 1] != 0xDA {
                assert_eq!(file[at], 0xFF, "grey {grey}: no marker at {at}");
                at += 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
            }
            assert_eq!(file[at..at + 4], [0xFF, 0xDA, 0, 8]);
            assert_eq!(file[file.len() - 2..], [0xFF, 0xD9]);
        }
    }

    #[test]
    fn the_scan_holds_the_grey_that_was_asked_for() {
        for grey in [0u8, 1, 127, 128, 129, 200, 255] {
            let bits: Vec<String> = scan(grey).iter().map(|byte| format!("{byte:08b}")).collect();
            let bits = bits.concat();
            let size = usize::from_str_radix(&bits[..4], 2).unwrap();
            let raw = i32::from_str_radix(&format!("0{}", &bits[4..4 + size]), 2).unwrap();
            let positive = bits.as_bytes()[4] == b'1' && size > 0;
            let dc = if size == 0 || positive { raw } else { raw - (1 << size) + 1 };
            assert_eq!(dc / 8 + 128, i32::from(grey));
            assert_eq!(&bits[4 + size..=4 + size], "0");
        }
    }
}
