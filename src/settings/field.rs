//! One value of the settings, read as what it should be.

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use config::{Value, ValueKind};
use url::Url;

use super::problem::BadValue;
use crate::model::Secret;

/// Longest time that can be set, in seconds.
const LONGEST: f64 = 86_400.0;

/// Shortest time that is not none, in seconds.
const SHORTEST: f64 = 0.001;

/// A value, and where it was set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    key: &'static str,
    value: Option<&'a Value>,
}

impl<'a> Field<'a> {
    pub(super) fn new(key: &'static str, value: Option<&'a Value>) -> Self {
        Self { key, value }
    }

    /// Where it was set.
    pub(super) fn place(self) -> String {
        match self.value.and_then(Value::origin) {
            Some("default") | None => format!("default of {}", self.key),
            // A variable may set a key that goes by another name: tell both.
            Some(place) if place.contains(self.key) || place.starts_with("environment") => {
                place.to_owned()
            }
            Some(place) => format!("{place} ({})", self.key),
        }
    }

    /// The value as text; lists, tables and nothing are none.
    fn plain(self) -> Option<String> {
        match &self.value?.kind {
            ValueKind::String(text) => Some(text.clone()),
            ValueKind::Boolean(flag) => Some(flag.to_string()),
            ValueKind::I64(number) => Some(number.to_string()),
            ValueKind::U64(number) => Some(number.to_string()),
            ValueKind::I128(number) => Some(number.to_string()),
            ValueKind::U128(number) => Some(number.to_string()),
            ValueKind::Float(number) => Some(number.to_string()),
            ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => None,
        }
    }

    /// The refusal of this value.
    pub(super) fn refuse(self, expected: &str, cure: &str) -> BadValue {
        let value = match (self.plain(), self.value) {
            (Some(text), _) => Some(without_credentials(&text)),
            (None, Some(Value { kind: ValueKind::Array(_), .. })) => Some("a list".to_owned()),
            (None, _) => Some("nothing".to_owned()),
        };
        BadValue {
            place: self.place(),
            value,
            expected: expected.to_owned(),
            cure: cure.to_owned(),
        }
    }

    /// The refusal of one part of a list.
    pub(super) fn refuse_part(self, part: &str, expected: &str, cure: &str) -> BadValue {
        BadValue { value: Some(part.to_owned()), ..self.refuse(expected, cure) }
    }

    /// Whatever `read` makes of the text.
    fn parse<T>(
        self,
        expected: &str,
        cure: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, BadValue> {
        self.plain().and_then(|text| read(text.trim())).ok_or_else(|| self.refuse(expected, cure))
    }

    /// A text without blanks around it, not empty.
    pub(super) fn text(self, cure: &str) -> Result<String, BadValue> {
        self.parse("a text of at least one character", cure, |text| {
            (!text.is_empty()).then(|| text.to_owned())
        })
    }

    /// A text that was set, or none.
    pub(super) fn optional_text(self) -> Result<Option<String>, BadValue> {
        self.parse("a text", "write it in quotes", |text| {
            Some((!text.is_empty()).then(|| text.to_owned()))
        })
    }

    /// A text without blanks, such as a locale.
    pub(super) fn word(self, expected: &str, cure: &str) -> Result<String, BadValue> {
        self.parse(expected, cure, |text| {
            (!text.is_empty() && !text.contains(char::is_whitespace)).then(|| text.to_owned())
        })
    }

    /// A language as OX takes it: two parts with one underscore between them.
    pub(super) fn language(self) -> Result<String, BadValue> {
        self.parse("a language with its country", "name one such as de_DE", |text| {
            let (language, country) = text.split_once('_')?;
            let word = |part: &str| {
                !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            };
            (word(language) && word(country)).then(|| text.to_owned())
        })
    }

    /// The name of a time zone, if this machine knows time zones; any word otherwise.
    pub(super) fn time_zone(self) -> Result<String, BadValue> {
        let known = |name: &str| jiff::tz::TimeZone::get(name).is_ok();
        let cure = "name one such as Europe/Berlin";
        let zone = self.word("a time zone", cure)?;
        if known(&zone) || !known("Europe/Berlin") {
            Ok(zone)
        } else {
            Err(self.refuse("a time zone", cure))
        }
    }

    /// The name of a directory property.
    pub(super) fn property(self, cure: &str) -> Result<String, BadValue> {
        self.parse("the name of a property", cure, |text| {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            (!text.is_empty() && text.chars().all(fits)).then(|| text.to_owned())
        })
    }

    /// A secret that was set, exactly as it was written, or none.
    pub(super) fn secret(self) -> Result<Option<Secret>, BadValue> {
        match self.plain() {
            Some(text) => Ok((!text.is_empty()).then(|| Secret::new(text))),
            None => Err(BadValue {
                value: None,
                ..self.refuse("a text", "write the password in quotes")
            }),
        }
    }

    /// A path that was set, or none.
    pub(super) fn optional_path(self) -> Result<Option<PathBuf>, BadValue> {
        Ok(self.optional_text()?.map(PathBuf::from))
    }

    /// Yes or no.
    pub(super) fn flag(self) -> Result<bool, BadValue> {
        self.parse("true or false", "write true or false", |text| {
            match text.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            }
        })
    }

    /// A whole number of this range.
    pub(super) fn whole(self, range: RangeInclusive<u32>) -> Result<u32, BadValue> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.parse(&expected, "write such a number", |text| {
            text.parse().ok().filter(|number| range.contains(number))
        })
    }

    /// A whole number from 1 to `max`.
    pub(super) fn count(self, max: u32) -> Result<NonZeroU32, BadValue> {
        NonZeroU32::new(self.whole(1..=max)?).ok_or_else(|| self.refuse("above 0", "raise it"))
    }

    /// A whole number from 1 to `max`, as a size.
    pub(super) fn size(self, max: u32) -> Result<NonZeroUsize, BadValue> {
        let count = self.count(max)?;
        NonZeroUsize::try_from(count).map_err(|_| self.refuse("that small", "lower it"))
    }

    /// A time that is longer than none.
    pub(super) fn seconds(self) -> Result<Duration, BadValue> {
        self.seconds_from(SHORTEST)
    }

    /// A time of at least so many seconds.
    pub(super) fn seconds_from(self, least: f64) -> Result<Duration, BadValue> {
        let expected = format!("a number of seconds from {least} to {LONGEST}");
        self.parse(&expected, "write seconds without a unit, such as 0.5 or 30", |text| {
            let seconds: f64 = text.parse().ok()?;
            (least..=LONGEST)
                .contains(&seconds)
                .then(|| Duration::try_from_secs_f64(seconds).ok())?
        })
    }

    /// One of these words, in any case of letters.
    pub(super) fn choice<T: Copy>(self, choices: &[(&str, T)]) -> Result<T, BadValue> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let expected = format!("one of {}", words.join(", "));
        self.parse(&expected, "choose one of these", |text| {
            choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, it)| *it)
        })
    }

    /// A list; as text, its parts are separated by commas. Empty parts are left out.
    pub(super) fn list(self) -> Result<Vec<String>, BadValue> {
        self.list_between(',')
    }

    /// A list; as text, its parts are separated by that sign. Empty parts are left out.
    pub(super) fn list_between(self, sign: char) -> Result<Vec<String>, BadValue> {
        let parts: Vec<String> = match self.value.map(|value| &value.kind) {
            Some(ValueKind::Array(values)) => values
                .iter()
                .map(|value| Field::new(self.key, Some(value)).plain())
                .collect::<Option<_>>()
                .ok_or_else(|| self.refuse("a list of texts", "write [\"one\", \"two\"]"))?,
            _ => self
                .parse("a list of texts", "write [\"one\", \"two\"]", |text| Some(text.to_owned()))?
                .split(sign)
                .map(str::to_owned)
                .collect(),
        };
        let trimmed = parts.iter().map(|part| part.trim().to_owned());
        Ok(trimmed.filter(|part| !part.is_empty()).collect())
    }

    /// An address with scheme and host, and without a name and password in it.
    pub(super) fn url(self, expected: &str, cure: &str) -> Result<Url, BadValue> {
        let url = self.parse(expected, cure, |text| {
            Url::parse(text).ok().filter(|url| url.host_str().is_some_and(|host| !host.is_empty()))
        })?;
        if url.username().is_empty() && url.password().is_none() {
            Ok(url)
        } else {
            Err(self.refuse(
                &format!("{expected} without name and password"),
                "take the part before the @ out",
            ))
        }
    }
}

/// What looks like a name and password in an address is not shown.
pub(super) fn without_credentials(text: &str) -> String {
    let Some((before, after)) = text.rsplit_once('@') else { return text.to_owned() };
    match before.split_once("//") {
        Some((scheme, _)) => format!("{scheme}//***@{after}"),
        None if before.contains(':') => format!("***@{after}"),
        None => text.to_owned(),
    }
}
