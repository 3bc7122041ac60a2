//! Live events, as server-sent events: what became durable, and the totals whenever they change.
//!
//! Each stream has a bounded number of events before it. One that is read too slowly loses the oldest
//! of them and is told how many (`lost`); the engine never waits for it. There is no going back: whoever
//! comes again asks for the state first, and listens from then on.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::Shared;
use super::items::{Become, fate};
use super::reply::Reply;
use super::status::Totals;
use super::words::{self, Refusal};
use crate::actors::news::{Listener, Loss, News, Numbered};
use crate::actors::status::Snapshot;
use crate::redact::without_addresses;
use crate::store::{HoldScope, Verb};

/// Streams at once, so that there is room left for questions and orders.
pub(super) const MOST_STREAMS: usize = 16;

/// Totals are told so often at most.
const TOTALS_EVERY: Duration = Duration::from_secs(1);

/// After so long without an event a comment is sent, so that nobody on the way takes the connection for
/// dead.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// The stream begins.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Hello {
    /// drover's version.
    version: &'static str,
}

/// An item was taken in.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Taken {
    /// Name of its queue file.
    item: String,
    /// Id of its object; null if the file cannot be read.
    object: Option<String>,
    /// The object's kind.
    kind: Option<&'static str>,
    /// When, milliseconds since 1970 UTC.
    at_ms: i64,
}

/// An attempt failed, and the item stands still or is set aside.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Failed {
    /// Name of its queue file.
    item: String,
    /// Id of its object; null if the file cannot be read.
    object: Option<String>,
    /// Where it stands still.
    context: Option<u32>,
    /// Class of the fault: OX's, or a word of drover's own.
    class: String,
    /// What happened.
    fault: String,
    /// OX's exception id, by which its log tells more.
    exception_id: Option<String>,
    /// What it has in common with faults of the same cause.
    fingerprint: String,
    /// Attempts so far, the first one included.
    attempts: u32,
    /// When, milliseconds since 1970 UTC.
    at_ms: i64,
}

/// An item that is not through has another fate.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Became {
    /// Name of its queue file.
    item: String,
    #[serde(flatten)]
    fate: Become,
}

/// An item has ended.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Ended {
    /// Name of its queue file.
    item: String,
    /// Id of its object; null if the file could not be read.
    object: Option<String>,
    /// The object's kind.
    kind: Option<&'static str>,
    /// Attempts, the first one included.
    attempts: u32,
    /// The last fault that was met on the way.
    last_fault: Option<String>,
    /// When, milliseconds since 1970 UTC.
    at_ms: i64,
    #[serde(flatten)]
    fate: Become,
}

/// An operator did something; one event for each item.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Acted {
    /// What.
    verb: &'static str,
    /// To this item.
    item: Option<String>,
    /// To this context.
    context: Option<u32>,
    /// To everything.
    target: bool,
    /// Why, and by whom.
    note: Option<String>,
    /// When, milliseconds since 1970 UTC.
    at_ms: i64,
}

/// Events were lost, because they were not read in time: ask for the state anew.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Lost {
    /// How many.
    count: u64,
}

/// One stream.
struct Stream {
    whole: bool,
    hello: bool,
    listener: Listener,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    totals: Option<(Totals, Instant)>,
    life: Interval,
    _room: OwnedSemaphorePermit,
}

/// Begins a stream; `whole`: with what faults say of people.
pub(super) fn stream(shared: &Shared, query: &str, whole: bool) -> Result<Reply, Refusal> {
    words::query(query, &[])?;
    let Ok(room) = shared.streams.clone().try_acquire_owned() else {
        return Err(Refusal::new(
            503,
            format!("{MOST_STREAMS} streams of events are open already"),
            "close one, or ask for the status now and then",
        ));
    };
    let mut life = tokio::time::interval_at(Instant::now() + SIGN_OF_LIFE, SIGN_OF_LIFE);
    life.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stream = Stream {
        whole,
        hello: false,
        listener: shared.engine.news.listen(),
        snapshots: shared.engine.snapshots.clone(),
        totals: None,
        life,
        _room: room,
    };
    let frames = stream::unfold(stream, |mut stream| async move {
        let text = stream.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), stream))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(Reply::Other(response))
}

impl Stream {
    /// The next event as it goes over the wire; none when drover ends.
    async fn next(&mut self) -> Option<String> {
        if !std::mem::replace(&mut self.hello, true) {
            return Some(event("hello", None, &Hello { version: env!("CARGO_PKG_VERSION") }));
        }
        loop {
            let due = self.totals.as_ref().map(|(_, told)| *told + TOTALS_EVERY);
            let due = due.unwrap_or_else(Instant::now);
            tokio::select! {
                news = self.listener.next() => return match news? {
                    Ok(news) => Some(self.told(&news)),
                    Err(Loss(count)) => Some(event("lost", None, &Lost { count })),
                },
                () = tokio::time::sleep_until(due) => {
                    let now = Totals::of(&self.snapshots.borrow_and_update());
                    let changed = self.totals.as_ref().is_none_or(|(before, _)| *before != now);
                    let text = event("status", None, &now);
                    self.totals = Some((now, Instant::now()));
                    if changed {
                        self.life.reset();
                        return Some(text);
                    }
                }
                _ = self.life.tick() => return Some(": still here\n\n".to_owned()),
            }
        }
    }

    fn told(&mut self, Numbered { number, news }: &Numbered) -> String {
        self.life.reset();
        let seen = |text: &str| if self.whole { text.to_owned() } else { without_addresses(text) };
        let number = Some(*number);
        match news {
            News::Taken { item, object, kind, at_ms } => event(
                "taken",
                number,
                &Taken {
                    item: item.to_string(),
                    object: object.as_ref().map(ToString::to_string),
                    kind: kind.map(crate::model::ObjectKind::word),
                    at_ms: *at_ms,
                },
            ),
            News::Failed(fault) => event(
                "failed",
                number,
                &Failed {
                    item: fault.item.to_string(),
                    object: fault.object.as_ref().map(ToString::to_string),
                    context: fault.context.map(|context| context.0),
                    class: fault.class.clone(),
                    fault: seen(&fault.text),
                    exception_id: fault.exception_id.clone(),
                    fingerprint: seen(&fault.fingerprint),
                    attempts: fault.attempts,
                    at_ms: fault.last_ms,
                },
            ),
            News::Became { item, fate: now } => event(
                "became",
                number,
                &Became { item: item.to_string(), fate: fate(now, self.whole) },
            ),
            News::Ended(outcome) => event(
                "ended",
                number,
                &Ended {
                    item: outcome.item.to_string(),
                    object: outcome.object.as_ref().map(ToString::to_string),
                    kind: outcome.kind.map(crate::model::ObjectKind::word),
                    attempts: outcome.attempts,
                    last_fault: outcome.last_fault.as_deref().map(seen),
                    at_ms: outcome.ended_ms,
                    fate: fate(&outcome.fate, self.whole),
                },
            ),
            News::Acted(act) => {
                let (verb, item, scope) = match &act.verb {
                    Verb::Park(item) => ("park", Some(item), None),
                    Verb::Release(item) => ("release", Some(item), None),
                    Verb::Drop(item) => ("drop", Some(item), None),
                    Verb::Hold(scope) => ("hold", None, Some(*scope)),
                    Verb::Resume(scope) => ("resume", None, Some(*scope)),
                };
                event(
                    "acted",
                    number,
                    &Acted {
                        verb,
                        item: item.map(ToString::to_string),
                        context: match scope {
                            Some(HoldScope::Context(context)) => Some(context.0),
                            _ => None,
                        },
                        target: scope == Some(HoldScope::Target),
                        note: act.note.as_deref().map(seen),
                        at_ms: act.at_ms,
                    },
                )
            }
        }
    }
}

/// One event; JSON has no line break in it.
fn event(name: &str, number: Option<u64>, data: &impl Serialize) -> String {
    let mut text = String::new();
    if let Some(number) = number {
        let _ = writeln!(text, "id: {number}");
    }
    let data = serde_json::to_string(data).unwrap_or_default();
    let _ = write!(text, "event: {name}\ndata: {data}\n\n");
    text
}
