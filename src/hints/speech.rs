//! Languages in which hints are told.

use std::collections::BTreeMap;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Whoever asks for no language that is known gets this one.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// The language of a terminal, by the variables that say so: of `LC_ALL`, `LC_MESSAGES` and `LANG`
    /// the first that is not empty.
    pub fn of_environment(env: &BTreeMap<String, String>) -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .filter_map(|name| env.get(*name))
            .find(|value| !value.is_empty())
            .map_or(Self::English, |locale| Self::named(locale).unwrap_or_default())
    }

    /// The language that a header `Accept-Language` wants most, of those that are known.
    pub fn accepted(header: &str) -> Self {
        let mut best = (0.0, Self::English);
        for part in header.split(',') {
            let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
            let quality = match parameters.trim().strip_prefix("q=") {
                Some(number) => number.trim().parse().unwrap_or(0.0),
                None => 1.0,
            };
            // Of equals the first counts.
            if let (Some(language), true) = (Self::named(tag), quality > best.0) {
                best = (quality, language);
            }
        }
        best.1
    }

    /// By a tag such as `de`, `de-AT` or `de_DE.UTF-8`.
    fn named(tag: &str) -> Option<Self> {
        let tag = tag.trim().to_ascii_lowercase();
        match tag.split(['-', '_', '.', '@']).next() {
            Some("de") => Some(Self::German),
            Some("en" | "c" | "posix" | "*") => Some(Self::English),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminals_language_goes_by_the_first_variable_that_says_something() {
        let of = |pairs: &[(&str, &str)]| {
            let env = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            Language::of_environment(&env)
        };
        assert_eq!(of(&[]), Language::English);
        assert_eq!(of(&[("LANG", "de_DE.UTF-8")]), Language::German);
        assert_eq!(of(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")]), Language::English);
        assert_eq!(of(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "de_AT")]), Language::German);
        assert_eq!(of(&[("LANG", "de_CH"), ("LC_ALL", "")]), Language::German);
        assert_eq!(of(&[("LANG", "del_US")]), Language::English);
    }

    #[test]
    fn a_browsers_language_is_the_one_it_wants_most() {
        for (header, language) in [
            ("", Language::English),
            ("de", Language::German),
            ("de-DE,de;q=0.9,en;q=0.8", Language::German),
            ("en-US,en;q=0.9,de;q=0.8", Language::English),
            ("fr, de;q=0.5", Language::German),
            ("en;q=0.2, de;q=0.3", Language::German),
            ("de;q=0", Language::English),
            ("de;q=x, ;;,", Language::English),
            ("*", Language::English),
        ] {
            assert_eq!(Language::accepted(header), language, "{header:?}");
        }
    }
}
