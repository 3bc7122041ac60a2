//! What is asked, and how it is refused: queries, bodies, and the shape of errors.

use std::fmt::Display;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded;

use super::{Engine, causes};
use crate::actors::operator::{Filter, OrderError};
use crate::model::{ContextId, Fate, ItemName, ObjectId, ObjectKind};

/// Items in a page unless it is asked for another number.
pub(super) const PAGE: usize = 100;

/// Most rows in a page.
pub(super) const LARGEST_PAGE: usize = 1_000;

/// Most items that one order takes in, so that none keeps the others waiting; whoever wants more orders
/// again after the last one.
pub(super) const MOST_AT_ONCE: usize = 2_000;

/// A request that is not answered with what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// HTTP's status.
    pub(crate) status: u16,
    /// What is wrong.
    pub(crate) error: String,
    /// What to do about it.
    pub(crate) cure: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, error: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { status, error: error.into(), cure: cure.into() }
    }

    /// A query or body that cannot be understood.
    pub(crate) fn bad(error: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(400, error, cure)
    }

    /// As it goes over the wire.
    pub(super) fn as_json(&self) -> Value {
        let Self { error, cure, .. } = self.clone();
        serde_json::to_value(Refused { error, cure }).unwrap_or_default()
    }
}

impl From<OrderError> for Refusal {
    fn from(problem: OrderError) -> Self {
        let status = match &problem {
            OrderError::UnknownItem { .. } | OrderError::UnknownObject { .. } => 404,
            OrderError::Running { .. }
            | OrderError::NotParked { .. }
            | OrderError::NotFaulty { .. }
            | OrderError::NotHeld { .. } => 409,
            OrderError::Memory(_) => 500,
            OrderError::Ended => 503,
        };
        let text = problem.to_string();
        // Their texts tell the cure behind a semicolon.
        let (error, cure) = text.split_once("; ").unwrap_or((&text, "look at its state first"));
        Self::new(status, error, cure)
    }
}

impl From<crate::store::StoreError> for Refusal {
    fn from(problem: crate::store::StoreError) -> Self {
        Self::new(500, problem.to_string(), "look at drover's log, and at the disk")
    }
}

/// What an answer is made of.
pub(super) type Answer = Result<Value, Refusal>;

/// What is told when something is not answered.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Refused {
    /// What is wrong.
    error: String,
    /// What to do about it.
    cure: String,
}

/// What a fault means, as [`crate::hints::put_beside`] tells it.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Hint")]
#[expect(dead_code, reason = "the shape of what is put beside faults, for the description alone")]
pub(super) struct HintTold {
    /// The kind of fault; it never changes.
    code: String,
    /// What has happened.
    means: String,
    /// What to do.
    cure: String,
}

/// An answer of a described shape.
pub(super) fn told(answer: &impl Serialize) -> Answer {
    serde_json::to_value(answer).map_err(|problem| {
        Refusal::new(500, format!("the answer cannot be written: {problem}"), "please report this")
    })
}

/// The parameters behind a path's question mark; each of them must be one of `known`.
pub(super) fn query(text: &str, known: &[&str]) -> Result<Vec<(String, String)>, Refusal> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    match pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some(_) if known.is_empty() => {
            Err(Refusal::bad("this path takes no parameters", "leave out what follows the ?"))
        }
        Some((name, _)) => Err(Refusal::bad(
            format!("there is no parameter {:?}", shortened(name)),
            format!("use these: {}", known.join(", ")),
        )),
        None => Ok(pairs),
    }
}

/// The value of a parameter; the last one, if it is given twice.
pub(super) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().rev().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// The number that a parameter gives.
pub(super) fn number<T: std::str::FromStr>(
    pairs: &[(String, String)],
    name: &str,
) -> Result<Option<T>, Refusal> {
    let Some(text) = value(pairs, name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Refusal::bad(
            format!("{name} is {:?}, not a number that fits", shortened(text)),
            "write a whole number without a sign",
        )
    })
}

/// How many rows a page is to have.
pub(super) fn page_size(pairs: &[(String, String)]) -> Result<usize, Refusal> {
    let size = number(pairs, "limit")?.unwrap_or(PAGE);
    if (1..=LARGEST_PAGE).contains(&size) {
        Ok(size)
    } else {
        Err(Refusal::bad(
            format!("limit is {size}"),
            format!("ask for 1 to {LARGEST_PAGE}, and for the next page then"),
        ))
    }
}

/// Parameters that [`filter`] knows.
pub(super) const FILTER: &[&str] =
    &["state", "context", "kind", "object", "fault", "fingerprint", "after", "limit"];

/// The items that parameters ask for.
pub(super) fn filter(engine: &Engine, pairs: &[(String, String)]) -> Result<Filter, Refusal> {
    let filter = read_filter(pairs)?;
    Ok(identified(engine, filter))
}

/// The same filter by the id that an object goes by, whichever of its ids was given, and by the whole
/// fingerprint of a cause that goes by its short name.
pub(super) fn identified(engine: &Engine, mut filter: Filter) -> Filter {
    let identity = filter.object.as_ref().and_then(|id| engine.index.identity(id));
    filter.object = identity.or(filter.object);
    let print = filter.fingerprint.as_deref().and_then(|id| causes::named(engine, id));
    filter.fingerprint = print.or(filter.fingerprint);
    filter
}

fn read_filter(pairs: &[(String, String)]) -> Result<Filter, Refusal> {
    FilterBody {
        state: value(pairs, "state").map(str::to_owned),
        context: number(pairs, "context")?,
        kind: value(pairs, "kind").map(str::to_owned),
        object: value(pairs, "object").map(str::to_owned),
        fault: value(pairs, "fault").map(str::to_owned),
        fingerprint: value(pairs, "fingerprint").map(str::to_owned),
        after: value(pairs, "after").map(str::to_owned),
        items: None,
    }
    .read()
    .map(|filter| Filter { limit: PAGE, ..filter })
}

/// Conditions on pending items, all of which have to be fulfilled.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FilterBody {
    /// Names of open fates, separated by commas.
    state: Option<String>,
    /// To be worked on in that context.
    context: Option<u32>,
    /// Of objects of that kind.
    kind: Option<String>,
    /// Of the object with that id.
    object: Option<String>,
    /// In the class or text of the fault, in any case of letters.
    fault: Option<String>,
    /// With exactly that fingerprint of the fault, or that short name of a cause.
    fingerprint: Option<String>,
    /// After that item in the queue's order.
    after: Option<String>,
    /// They are among these; what was looked at before, for instance.
    items: Option<Vec<String>>,
}

impl FilterBody {
    /// Whether it sets any condition. To begin after some item is none.
    pub(super) fn is_open(&self) -> bool {
        self.state.is_none()
            && self.context.is_none()
            && self.kind.is_none()
            && self.object.is_none()
            && self.fault.is_none()
            && self.fingerprint.is_none()
            && self.items.is_none()
    }

    pub(super) fn read(self) -> Result<Filter, Refusal> {
        let words = self.state.iter().flat_map(|words| words.split(','));
        let fates = words.map(|word| fate(word.trim())).collect::<Result<_, _>>()?;
        Ok(Filter {
            context: self.context.map(ContextId),
            object: self.object.as_deref().map(ObjectId::new),
            kind: self.kind.as_deref().map(kind).transpose()?,
            fates,
            fault: self.fault,
            fingerprint: self.fingerprint,
            after: self.after.as_deref().map(ItemName::new),
            among: self
                .items
                .map(|items| Arc::new(items.iter().map(|item| ItemName::new(item)).collect())),
            limit: 0,
        })
    }
}

/// The name of an open fate.
fn fate(word: &str) -> Result<&'static str, Refusal> {
    // The first four are final: such items are not pending.
    let open = &Fate::NAMES[4..];
    open.iter().find(|name| **name == word).copied().ok_or_else(|| {
        Refusal::bad(
            format!("no pending item is {:?}", shortened(word)),
            format!("name some of these, separated by commas: {}", open.join(", ")),
        )
    })
}

/// The kind of objects that a word stands for: drover's own, or UDM's name of the type.
pub(super) fn kind(word: &str) -> Result<ObjectKind, Refusal> {
    kind_named(word).ok_or_else(|| {
        let words: Vec<&str> = ObjectKind::ALL.iter().map(|kind| kind.word()).collect();
        Refusal::bad(
            format!("there is no kind {:?}", shortened(word)),
            format!("name one of these: {}", words.join(", ")),
        )
    })
}

/// The kind of objects that a word stands for, in one or many, or UDM's name of the type.
pub fn kind_named(word: &str) -> Option<ObjectKind> {
    let word = word.trim().to_lowercase();
    ObjectKind::ALL.into_iter().find(|kind| {
        kind.word() == word
            || word.strip_suffix('s') == Some(kind.word())
            || kind.udm_type() == word
            || format!("{kind:?}").eq_ignore_ascii_case(&word)
    })
}

/// A body of JSON.
pub(super) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|problem: serde_json::Error| {
        let place = format!("line {}, column {}", problem.line(), problem.column());
        let told = match problem.classify() {
            serde_json::error::Category::Data => shortened(problem),
            serde_json::error::Category::Eof => format!("it breaks off at {place}"),
            _ => format!("it is no JSON at {place}"),
        };
        Refusal::bad(format!("the body cannot be used: {told}"), "send a JSON object as documented")
    })
}

/// Who did something, and why, as it goes into the ledger.
pub(super) fn note(note: Option<String>, by: Option<String>) -> Result<Option<String>, Refusal> {
    /// Longest note and longest name, in bytes.
    const LONGEST: usize = 1_000;
    let tidy = |text: Option<String>| {
        let text = text.map(|text| text.trim().replace(char::is_control, " "));
        text.filter(|text| !text.is_empty())
    };
    let (note, by) = (tidy(note), tidy(by));
    if [&note, &by].into_iter().flatten().any(|text| text.len() > LONGEST) {
        return Err(Refusal::bad(
            format!("note or by is longer than {LONGEST} bytes"),
            "say it in a sentence",
        ));
    }
    Ok(match (note, by) {
        (Some(note), Some(by)) => Some(format!("{note} (by {by})")),
        (None, Some(by)) => Some(format!("by {by}")),
        (note, None) => note,
    })
}

/// The beginning of what somebody sent, to be told back.
pub(super) fn shortened(text: impl Display) -> String {
    let text = text.to_string();
    let begin = crate::redact::beginning(&text, 80);
    if begin.len() < text.len() { format!("{begin}…") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_unknown_ones_are_told() {
        let pairs = query("context=20&state=faulty%2Cparked&kind=users", FILTER).unwrap();
        let filter = read_filter(&pairs).unwrap();
        assert_eq!(filter.context, Some(ContextId(20)));
        assert_eq!(filter.fates, ["faulty", "parked"]);
        assert_eq!(filter.kind, Some(ObjectKind::User));
        let refusal = query("contxt=20", FILTER).unwrap_err();
        assert!(refusal.error.contains("contxt") && refusal.cure.contains("context"));
        assert!(read_filter(&query("context=x", FILTER).unwrap()).is_err());
        assert!(read_filter(&query("state=applied", FILTER).unwrap()).is_err());
        for limit in ["0", "1001", "-1", "x"] {
            assert!(page_size(&query(&format!("limit={limit}"), FILTER).unwrap()).is_err());
        }
    }

    #[test]
    fn a_kind_goes_by_any_of_its_names() {
        for kind in ObjectKind::ALL {
            for word in
                [kind.word().to_owned(), format!("{}s", kind.word()), kind.udm_type().into()]
            {
                assert_eq!(kind_named(&word), Some(kind), "{word}");
            }
        }
        assert_eq!(kind_named("thing"), None);
    }

    #[test]
    fn who_and_why_become_one_note() {
        let note = |note: Option<&str>, by: Option<&str>| {
            super::note(note.map(str::to_owned), by.map(str::to_owned))
        };
        assert_eq!(note(Some("why\n"), Some("eva")).unwrap().unwrap(), "why (by eva)");
        assert_eq!(note(None, Some("eva")).unwrap().unwrap(), "by eva");
        assert_eq!(note(Some(" "), None).unwrap(), None);
        assert!(note(Some(&"x".repeat(2000)), None).is_err());
    }
}
