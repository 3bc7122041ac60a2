//! How news are told: a JSON object without anything about people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::watch::{News, Place};

/// Places that one message names; of more, only how many.
const MOST_NAMED: usize = 50;

/// The news as one message, with a `text` for people, as chat programs show it.
pub(super) fn message(news: &BTreeMap<Place, News>, standing: usize) -> Value {
    let (mut stopped, mut recovered) = (Vec::new(), Vec::new());
    let mut text = String::new();
    for (place, one) in news {
        let (name, context) = match place {
            Place::Ox => ("ox", None),
            Place::Context(id) => ("context", Some(*id)),
            Place::Files => ("files", None),
        };
        let told = match place {
            Place::Ox => "OX".to_owned(),
            Place::Context(id) => format!("context {id}"),
            Place::Files => "the queue".to_owned(),
        };
        match one {
            News::Stopped(trouble, lasted) => {
                if stopped.len() < MOST_NAMED {
                    let _ = writeln!(
                        text,
                        "drover: {told} stands still: {} {}",
                        trouble.means, trouble.cure
                    );
                }
                stopped.push(json!({
                    "place": name,
                    "context": context,
                    "item": trouble.item,
                    "behind": trouble.behind,
                    "exception_id": trouble.exception_id,
                    "hint": {"code": trouble.hint, "means": trouble.means, "cure": trouble.cure},
                    "for_s": lasted.as_secs(),
                }));
            }
            News::Recovered(stood) => {
                if recovered.len() < MOST_NAMED {
                    let _ = writeln!(text, "drover: {told} goes on");
                }
                recovered.push(json!({
                    "place": name, "context": context, "stood_s": stood.as_secs(),
                }));
            }
        }
    }
    let (count_stopped, count_recovered) = (stopped.len(), recovered.len());
    stopped.truncate(MOST_NAMED);
    recovered.truncate(MOST_NAMED);
    let unnamed = count_stopped + count_recovered - stopped.len() - recovered.len();
    if unnamed > 0 {
        let _ = writeln!(text, "and {unnamed} more");
    }
    json!({
        "source": "drover",
        "version": env!("CARGO_PKG_VERSION"),
        "text": text.trim_end(),
        "stopped": stopped,
        "stopped_count": count_stopped,
        "recovered": recovered,
        "recovered_count": count_recovered,
        "standing": standing,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::watch::Trouble;
    use super::*;

    #[test]
    fn a_thousand_contexts_are_one_message_of_bounded_size() {
        let trouble = Trouble {
            hint: "context-missing",
            means: "It is not there.".to_owned(),
            cure: "Make it.".to_owned(),
            ..Trouble::default()
        };
        let news: BTreeMap<Place, News> = (1..=1000)
            .map(|id| (Place::Context(id), News::Stopped(trouble.clone(), Duration::from_secs(60))))
            .chain([(Place::Ox, News::Recovered(Duration::from_secs(5)))])
            .collect();
        let told = message(&news, 1000);
        assert_eq!((&told["stopped_count"], &told["recovered_count"]), (&1000.into(), &1.into()));
        assert_eq!(told["stopped"].as_array().unwrap().len(), MOST_NAMED);
        assert_eq!(told["stopped"][0]["hint"]["code"], "context-missing");
        let text = told["text"].as_str().unwrap();
        assert!(text.starts_with("drover: OX goes on\ndrover: context 1 stands still: It is not"));
        assert!(text.ends_with("and 950 more"), "{text}");
        assert!(told.to_string().len() < 20_000);
    }
}
