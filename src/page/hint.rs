//! What a fault means and what to do about it, in the browser's language.

use maud::{Markup, html};
use serde_json::Value;

use super::parts::text;
use super::visit::Visit;
use crate::hints::{self, Hint, Language};

/// For a fault of that class.
pub(super) fn of(visit: &Visit<'_>, class: Option<&str>, fault: &str) -> Hint {
    hints::hint(class, fault, visit.language)
}

/// How the language is called in which hints are told.
pub(super) fn language(visit: &Visit<'_>) -> &'static str {
    match visit.language {
        Language::English => "en",
        Language::German => "de",
    }
}

/// What is told of the fault of an item, as the API tells of it.
pub(super) fn about(visit: &Visit<'_>, item: &Value) -> Markup {
    let hint = of(visit, item["class"].as_str(), text(&item["fault"]));
    let [means, cure, here] = match visit.language {
        Language::English => ["What it means", "What to do", "In this case"],
        Language::German => ["Was es bedeutet", "Was zu tun ist", "In diesem Fall"],
    };
    html! {
        section.card.hint lang=(language(visit)) aria-labelledby="h-means" {
            h2 #h-means { (means) }
            p { (hint.means) }
            h2 { (cure) }
            p { (hint.cure) }
            @if let Some(advice) = item["advice"].as_str() {
                details { summary { (here) } p lang="en" { (advice) } }
            }
            p.muted { code { (hint.code) } }
        }
    }
}
