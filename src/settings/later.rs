//! Variables of the connector for what drover does not do yet: read all the same, so that a mistake
//! in one is told now and not on the day it begins to count.

use url::Url;

/// Words that mean yes or no, in any case of letters.
const YES: &[&str] = &["true", "yes", "on", "1", "t", "y"];
const NO: &[&str] = &["false", "no", "off", "0", "f", "n"];

/// Yes or no, in the words the connector takes.
pub(super) fn flag(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.trim().eq_ignore_ascii_case(word));
    if is(YES) { Some(true) } else { is(NO).then_some(false) }
}

/// What is wrong with the value of such a variable: what was expected. The value itself may be a
/// secret and is not told.
pub(super) fn problem(name: &str, text: &str) -> Option<&'static str> {
    let (fits, expected) = match name {
        "PROVISIONING_API_RESYNC_ENABLED" => (flag(text).is_some(), "true or false"),
        "OX_CONNECTOR_DB" => (
            text.contains("://"),
            "the URL of a database, such as sqlite:///var/lib/ox-connector.db",
        ),
        "MAX_ACKNOWLEDGEMENT_RETRIES" => {
            (text.trim().parse::<u32>().is_ok(), "a whole number, such as 3")
        }
        "PROVISIONING_API_BASE_URL" => {
            let url = Url::parse(text.trim()).ok();
            let fits = url.is_some_and(|url| matches!(url.scheme(), "http" | "https"));
            (fits, "an http or https address")
        }
        _ => (true, ""),
    };
    (!fits).then_some(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_values_pass_and_bad_ones_are_told() {
        let cases = [
            ("PROVISIONING_API_RESYNC_ENABLED", "False", "x"),
            ("OX_CONNECTOR_DB", "postgresql+psycopg2://u:p@h/d", "/var/lib/x.db"),
            ("MAX_ACKNOWLEDGEMENT_RETRIES", "3", "-1"),
            ("PROVISIONING_API_BASE_URL", "https://nubus/internal", "nubus"),
        ];
        for (name, good, bad) in cases {
            assert_eq!(problem(name, good), None, "{name}");
            assert!(problem(name, bad).is_some(), "{name}");
        }
        assert_eq!(problem("PROVISIONING_API_PASSWORD", "any thing"), None);
    }
}
