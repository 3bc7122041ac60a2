//! Times and numbers as people write them.

use std::time::Duration;

/// A time such as `200ms`, `1.5s`, `10m`, `2h`; a bare number is in seconds.
///
/// # Errors
/// A text for whoever typed it.
pub fn time(text: &str) -> Result<Duration, String> {
    let expected = || format!("\"{text}\" is no time; expected one such as 200ms, 1.5s, 10m or 2h");
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(expected()),
    };
    let number: f64 = digits.parse().map_err(|_| expected())?;
    Duration::try_from_secs_f64(number * factor).map_err(|_| expected())
}

/// Microseconds of a time; the longest there is if it is longer.
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Microseconds for people, in three to four digits with their unit.
#[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
pub fn shown(us: u64) -> String {
    let ms = us as f64 / 1_000.0;
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{ms:.2} ms"),
        10_000..100_000 => format!("{ms:.1} ms"),
        100_000..1_000_000 => format!("{ms:.0} ms"),
        1_000_000..100_000_000 => format!("{:.2} s", ms / 1_000.0),
        _ => format!("{:.0} s", ms / 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        for (text, ms) in [("200ms", 200), ("1.5s", 1500), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(time("3"), Ok(Duration::from_secs(3)));
        for bad in ["", "s", "-1s", "3 days", "1d", "NaN"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_shown_with_few_digits() {
        let texts = [7, 1_234, 56_789, 123_456, 1_800_000].map(shown);
        assert_eq!(texts, ["7 µs", "1.23 ms", "56.8 ms", "123 ms", "1.80 s"]);
    }
}
