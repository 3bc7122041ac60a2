//! From a property as delivered to the value of a field.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use serde_json::Value;

use super::mapping::Source;
use crate::model::object::{Properties, is_absent};

/// Pictures above this size are refused by OX as shipped.
pub const PHOTO_BYTES: usize = 4_194_304;

const JPEG: &[u8] = &[0xFF, 0xD8, 0xFF];
const PNG: &[u8] = &[0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A];

/// What is wrong with a property's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A structure where a text is wanted.
    #[error("is neither a text nor a list of texts")]
    NotText,
    /// Not one of the two forms of a date, or no day of the calendar.
    #[error("is no date of the form YYYY-MM-DD or DD.MM.YYYY")]
    NotADate,
    /// Not a whole number.
    #[error("is no whole number")]
    NotANumber,
    /// Not base64.
    #[error("is not valid base64")]
    NotBase64,
    /// Neither JPEG nor PNG.
    #[error("is neither a JPEG nor a PNG picture")]
    NotAPicture,
    /// More than [`PHOTO_BYTES`].
    #[error("is a picture of more than {PHOTO_BYTES} bytes")]
    TooBig,
    /// More than fits; the rest was cut off.
    #[error(
        "has {length} characters, of which {limit} fit; the rest is cut off (mapping.too_long)"
    )]
    Cut {
        /// How many it has.
        length: usize,
        /// How many fit.
        limit: usize,
    },
    /// Nothing where OX needs something.
    #[error("is missing")]
    Missing,
    /// A brace that is never closed.
    #[error("has a brace that is not closed and is taken literally")]
    OpenBrace,
}

/// The property that a source takes: its own, or the first alternative that holds something.
/// `None` if none does.
pub(super) fn pick<'a>(properties: &'a Properties, source: &Source) -> Option<&'a Value> {
    std::iter::once(&source.property)
        .chain(&source.alternatives)
        .filter_map(|name| properties.get(name))
        .find(|value| !is_absent(Some(value)))
}

/// One text of a value that may be a list; `None` if there is nothing at that position. A single
/// value is a list of one.
pub(super) fn one_text(value: &Value, position: Option<usize>) -> Result<Option<String>, Fault> {
    let element = match (value, position) {
        (Value::Array(list), Some(position)) => list.get(position),
        (Value::Array(list), None) => list.iter().find(|element| !is_absent(Some(element))),
        (single, None | Some(0)) => Some(single),
        (_, Some(_)) => None,
    };
    element.map_or(Ok(None), scalar)
}

/// All texts of a value that may be a list.
pub(super) fn all_texts(value: &Value) -> Result<Vec<String>, Fault> {
    let elements = match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    elements.iter().filter_map(|element| scalar(element).transpose()).collect()
}

/// A text, number or boolean as text; nothing for null and the empty text.
pub(super) fn scalar(value: &Value) -> Result<Option<String>, Fault> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(value) => Ok(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => Err(Fault::NotText),
    }
}

/// A date as `YYYY-MM-DD`, from that form or `DD.MM.YYYY`; day and month may have one digit.
pub(super) fn date(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let parts = |separator| {
        let parts: Vec<&str> = text.split(separator).collect();
        <[&str; 3]>::try_from(parts).ok()
    };
    let [year, month, day] = match (parts('-'), parts('.')) {
        (Some(parts), None) => parts,
        (None, Some([day, month, year])) => [year, month, day],
        _ => return Err(Fault::NotADate),
    };
    let digits = |part: &str, longest: usize| {
        (1..=longest).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    if year.len() != 4 || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return Err(Fault::NotADate);
    }
    let date = (year.parse(), month.parse(), day.parse());
    let (Ok(year), Ok(month), Ok(day)) = date else { return Err(Fault::NotADate) };
    let date = Date::new(year, month, day).map_err(|_| Fault::NotADate)?;
    Ok(format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()))
}

/// A picture as base64 without blanks, and its content type, which is judged by its first bytes.
pub(super) fn photo(base64: &str) -> Result<(String, &'static str), Fault> {
    let compact: String = base64.split_whitespace().collect();
    // Refused before it is decoded, because any number of bytes may come in.
    if compact.len() / 4 * 3 > PHOTO_BYTES + 3 {
        return Err(Fault::TooBig);
    }
    let bytes = STANDARD.decode(&compact).map_err(|_| Fault::NotBase64)?;
    if bytes.len() > PHOTO_BYTES {
        return Err(Fault::TooBig);
    }
    if bytes.starts_with(JPEG) {
        Ok((compact, "image/jpeg"))
    } else if bytes.starts_with(PNG) {
        Ok((compact, "image/png"))
    } else {
        Err(Fault::NotAPicture)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Rules: 8.1/dates, D61
    #[test]
    fn dates_are_read_in_two_forms_and_written_in_one() {
        let good = [
            ("1985-12-24", "1985-12-24"),
            ("24.12.1985", "1985-12-24"),
            ("1.2.1985", "1985-02-01"),
            (" 1985-2-1 ", "1985-02-01"),
            ("0800-01-01", "0800-01-01"),
            ("29.02.2024", "2024-02-29"),
        ];
        for (text, iso) in good {
            assert_eq!(date(text).as_deref(), Ok(iso), "{text}");
        }
        let bad = [
            "29.02.2023",
            "1985-13-01",
            "1985-00-10",
            "85-12-24",
            "24.12.85",
            "24/12/1985",
            "1985-12-24-1",
            "",
            "-",
            "..",
            "+1985-1-1",
            "1985-12",
            "19851224",
            "1985-12.24",
            "٠٩.٠٩.٢٠٢٠",
            "1985-012-01",
        ];
        for text in bad {
            assert_eq!(date(text), Err(Fault::NotADate), "{text}");
        }
    }

    /// Rules: 8.1/photo, D53
    #[test]
    fn pictures_are_known_by_their_bytes() {
        let encode = |start: &[u8], len: usize| {
            let mut bytes = start.to_vec();
            bytes.resize(len.max(start.len()), 0);
            STANDARD.encode(bytes)
        };
        assert_eq!(photo(&encode(JPEG, 9)).unwrap().1, "image/jpeg");
        assert_eq!(photo(&encode(PNG, 9)).unwrap().1, "image/png");
        assert_eq!(photo("/9j/\n 2wAA").unwrap(), ("/9j/2wAA".to_owned(), "image/jpeg"));
        assert_eq!(photo(&encode(JPEG, PHOTO_BYTES)).unwrap().1, "image/jpeg");
        assert_eq!(photo(&encode(JPEG, PHOTO_BYTES + 1)), Err(Fault::TooBig));
        assert_eq!(photo(&encode(JPEG, PHOTO_BYTES + 9)), Err(Fault::TooBig));
        assert_eq!(photo(&encode(b"GIF89a", 9)), Err(Fault::NotAPicture));
        assert_eq!(photo(&encode(&JPEG[..2], 2)), Err(Fault::NotAPicture));
        assert_eq!(photo("/9j/2"), Err(Fault::NotBase64), "wrong length");
        assert_eq!(photo("äöü"), Err(Fault::NotBase64));
    }

    /// Rules: 8.1/lists, D52, D61
    #[test]
    fn a_position_counts_in_lists_and_a_single_value_is_a_list_of_one() {
        let text = |value, position| one_text(&value, position).unwrap();
        assert_eq!(text(json!("ab"), Some(1)), None, "not its second character");
        assert_eq!(text(json!("ab"), Some(0)).as_deref(), Some("ab"));
        assert_eq!(text(json!(["a", "b"]), Some(1)).as_deref(), Some("b"));
        assert_eq!(text(json!(["", "b"]), Some(0)), None);
        assert_eq!(text(json!(["", "b"]), None).as_deref(), Some("b"));
        assert_eq!(text(json!([]), None), None);
        assert_eq!(text(json!(true), None).as_deref(), Some("true"));
        assert_eq!(text(json!([7]), None).as_deref(), Some("7"));
        assert_eq!(one_text(&json!([["a"]]), None), Err(Fault::NotText));
        assert_eq!(one_text(&json!({"a": 1}), None), Err(Fault::NotText));
        assert_eq!(all_texts(&json!(["a", null, "", 7])).unwrap(), ["a", "7"]);
        assert_eq!(all_texts(&json!("a")).unwrap(), ["a"]);
    }

    proptest::proptest! {
        #[test]
        fn a_date_that_was_read_is_read_again_as_itself(text in "[0-9.-]{0,12}") {
            if let Ok(iso) = date(&text) {
                proptest::prop_assert_eq!(date(&iso), Ok(iso));
            }
        }
    }
}
