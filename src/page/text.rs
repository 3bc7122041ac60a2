//! Numbers and times as people read them.

/// A number with commas.
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number that need not be whole.
pub(super) fn count(value: f64) -> String {
    if value < 10.0 && (value - value.round()).abs() > 0.05 {
        return format!("{value:.1}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small")]
    number(value.round().max(0.0) as u64)
}

/// So many of something: `1 item`, `2 items`.
pub(super) fn many(value: u64, one: &str) -> String {
    let end = if value == 1 { "" } else { "s" };
    format!("{} {one}{end}", number(value))
}

/// A span of time of so many seconds.
pub(super) fn span(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative")]
    let seconds = seconds.max(0.0) as u64;
    let two = |whole: u64, unit: &str, part: u64, smaller: &str| match part {
        0 => format!("{whole} {unit}"),
        part => format!("{whole} {unit} {part} {smaller}"),
    };
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5_400 => format!("{} min", seconds / 60),
        5_400..172_800 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// How long ago something was, or how soon it will be; both in milliseconds since 1970 UTC.
pub(super) fn away(ms: i64, now_ms: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "seconds are enough")]
    let told = |ms: i64| span(ms as f64 / 1000.0);
    match now_ms - ms {
        past @ 1_000.. => format!("{} ago", told(past)),
        future @ ..-1_000 => format!("in {}", told(-future)),
        _ => "now".to_owned(),
    }
}

/// A moment in UTC.
pub(super) fn moment(ms: i64) -> String {
    let second = jiff::Timestamp::from_second(ms.div_euclid(1000));
    second.map_or_else(|_| format!("{ms} ms"), |second| second.strftime("%F %T UTC").to_string())
}

/// With a large letter at its beginning.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_told_as_people_read_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 0.5, 9.96, 12.4].map(count), ["0", "0.5", "10", "12"]);
        assert_eq!([many(1, "item"), many(2_000, "item")], ["1 item", "2,000 items"]);
        assert_eq!(
            [0.0, 89.0, 120.0, 5_399.0, 5_400.0, 7_200.0, 200_000.0].map(span),
            ["0 s", "89 s", "2 min", "89 min", "1 h 30 min", "2 h", "2 d 7 h"]
        );
        assert_eq!(away(0, 61_000), "61 s ago");
        assert_eq!(away(300_000, 0), "in 5 min");
        assert_eq!(away(500, 0), "now");
        assert_eq!(moment(1_700_000_000_123), "2023-11-14 22:13:20 UTC");
        assert_eq!(sentence("stands still"), "Stands still");
        assert_eq!(sentence(""), "");
    }
}
