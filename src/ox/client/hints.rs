//! What the end of a call says beside its result: about OX's load, and how long to stay away.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

use crate::ox::OxError;
use crate::ox::limiter::End;
use crate::retry::{Verdict, verdict};

/// What a call's end says about OX's load. `late`: its deadline had passed.
pub(super) fn end(error: Option<&OxError>, late: bool) -> End {
    match error {
        None => End::Answered,
        Some(OxError::Lost { .. }) if late => End::Trouble,
        Some(OxError::Http { status: 429 | 502..=504, .. }) => End::Trouble,
        // OX is busy, deadlocked, or has no connection to its database left.
        Some(error @ OxError::Fault { .. }) if verdict(error) != Verdict::Lasting => End::Trouble,
        // A refusal comes faster than the work it refuses, and a connection that is lost or cannot
        // be made is no sign of load.
        Some(_) => End::Other,
    }
}

/// The same for the gate of all calls, if the call had passed one of its own: that has to bear the
/// trouble.
pub(super) fn for_all(end: End, has_own: bool) -> End {
    if has_own && end == End::Trouble { End::Other } else { end }
}

/// How long a 429 or 503 asks to stay away: seconds, or a date, which is held against the answer's
/// own date, because clocks differ.
pub(super) fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let asked = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp());
    let sent = headers.get(DATE).map(HeaderValue::to_str)?.ok()?;
    let pause = date(asked)?.duration_since(date(sent.trim())?);
    Some(Duration::try_from(pause).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(status: u16, after: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        retry_after(status, &headers).map(|pause| pause.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_read_and_nonsense_is_not() {
        assert_eq!(asked(503, "7", None), Some(7));
        assert_eq!(asked(429, " 120 ", None), Some(120));
        assert_eq!(asked(502, "7", None), None, "says nothing there");
        let now = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(asked(503, "Wed, 21 Oct 2015 07:29:30 GMT", now), Some(90));
        assert_eq!(asked(503, "Wed, 21 Oct 2015 07:00:00 GMT", now), Some(0));
        assert_eq!(asked(503, "Wed, 21 Oct 2015 07:29:30 GMT", None), None);
        for nonsense in ["", "soon", "-5", "1.5", "99999999999999999999"] {
            assert_eq!(asked(503, nonsense, now), None, "{nonsense}");
        }
    }

    #[test]
    fn load_is_seen_in_lateness_and_busy_answers_only() {
        let operation = "OXUserService.change";
        let reason = String::new;
        let http =
            |status| OxError::Http { operation, status, reason: reason(), retry_after: None };
        assert_eq!(end(None, false), End::Answered);
        assert_eq!(end(Some(&OxError::Lost { operation, reason: reason() }), true), End::Trouble);
        assert_eq!(end(Some(&OxError::Lost { operation, reason: reason() }), false), End::Other);
        let refused = OxError::Unreachable { operation, reason: reason() };
        assert_eq!(end(Some(&refused), false), End::Other);
        assert_eq!(end(Some(&http(503)), false), End::Trouble);
        assert_eq!(end(Some(&http(404)), false), End::Other);
        assert_eq!(for_all(End::Trouble, true), End::Other);
        assert_eq!(for_all(End::Trouble, false), End::Trouble);
        assert_eq!(for_all(End::Answered, true), End::Answered);
    }
}
