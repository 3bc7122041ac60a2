//! Orders: first what one would do, then, if that is confirmed, exactly that.
//!
//! The preview is the API's own. What it names is kept, and what is confirmed is done to these items and
//! no others, however many have come since; those that are through by then, or have another fault, are
//! left alone.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::causes;
use super::frame::{self, Here, csrf};
use super::parts::{self, item_path, list, text, whole};
use super::session::Plan;
use super::text::{many, number};
use super::visit::Visit;
use crate::admin::inside::{Refusal, Role};

/// Items of a preview that are named one by one.
const MOST_NAMED: usize = 20;

/// An order to items.
struct Verb {
    word: &'static str,
    name: &'static str,
    done: &'static str,
    /// Items on which it has an effect.
    states: &'static str,
    /// What it does to one item, and to many.
    says: [&'static str; 2],
    /// What it does not do, or what comes of it.
    also: &'static str,
}

const VERBS: [Verb; 4] = [
    Verb {
        word: "retry",
        name: "Retry",
        done: "Being tried again",
        states: "faulty,parked",
        says: [
            "drover tries it now, instead of after its pause.",
            "drover tries them now, instead of after their pauses.",
        ],
        also: "What OX refuses again stands as it did before. Nothing is skipped, and the order \
               stays.",
    },
    Verb {
        word: "park",
        name: "Park",
        done: "Set aside",
        states: "faulty",
        says: [
            "It is set aside, with everything that cannot be done without it, and its context goes on \
             with the rest.",
            "They are set aside, with everything that cannot be done without them, and their contexts go \
             on with the rest.",
        ],
        also: "Nothing is lost: files stay in the queue. What is set aside stays so, also over a restart of \
               drover, until somebody releases it.",
    },
    Verb {
        word: "release",
        name: "Release",
        done: "Released",
        states: "parked",
        says: [
            "It is put back into its place and tried at once, and so is what waited for it.",
            "They are put back into their places and tried at once, and so is what waited for them.",
        ],
        also: "What OX refuses again keeps its context standing still, or is set aside again, as the settings \
               say.",
    },
    Verb {
        word: "drop",
        name: "Drop",
        done: "Dropped",
        states: "faulty,parked",
        says: [
            "It is taken out undone, and its file is removed from the queue.",
            "They are taken out undone, and their files are removed from the queue.",
        ],
        also: "This cannot be taken back. OX stays as it is; a change comes again only if the directory \
               sends it again. An earlier change of the same object in whose place one stood is done \
               after all.",
    },
];

/// Shows what an order would do.
pub(super) async fn preview(visit: &Visit<'_>) -> Result<Markup, Refusal> {
    if visit.role < Role::Operator {
        return Err(Refusal::new(
            403,
            "your token may look, and change nothing",
            "log in with the token of admin.token_file",
        ));
    }
    let wanted = visit.query("verb").unwrap_or_default();
    match wanted {
        "hold" | "resume" => hold(visit, wanted == "hold").await,
        word => match VERBS.iter().find(|verb| verb.word == word) {
            Some(verb) => items(visit, verb).await,
            None => Err(Refusal::new(404, "there is no such order", "begin at the overview")),
        },
    }
}

async fn items(visit: &Visit<'_>, verb: &Verb) -> Result<Markup, Refusal> {
    let path = format!("/v1/{}", verb.word);
    let (mut body, back, target) = match (visit.query("item"), visit.query("cause")) {
        (Some(item), None) => (json!({"item": item}), item_path(item), item.to_owned()),
        (None, Some(id)) => {
            let cause = causes::find(visit, id).await?;
            let filter = json!({"fingerprint": cause.fingerprint, "state": verb.states});
            (json!({"filter": filter}), "/ui/causes".to_owned(), "this cause".to_owned())
        }
        _ => return Err(Refusal::bad("it is not said what is meant", "begin at the overview")),
    };
    body["dry_run"] = true.into();
    let single = body["item"].is_string();
    let (total, shown) = whole_preview(visit, &path, &mut body).await?;
    if total == 0 {
        return Err(Refusal::new(
            409,
            format!("no item is there that one could {}", verb.word),
            "look again; it may have moved on by itself",
        ));
    }
    let grave = verb.word == "drop" && total > 1;
    let plan = Plan { path, body, items: Some(total), grave, told: verb.done, back: back.clone() };
    let name = visit.shared.desk.sessions.keep(&visit.who.id, plan);
    let contexts: std::collections::BTreeSet<u64> =
        shown.iter().flat_map(|item| list(&item["contexts"])).filter_map(Value::as_u64).collect();
    let along: u64 = shown.iter().map(|item| list(&item["blocks"]).len() as u64).sum();
    let title = if single {
        format!("{} this item?", verb.name)
    } else {
        format!("{} {}?", verb.name, many(total, "item"))
    };
    let told = html! {
        p.says { (verb.says[usize::from(!single)]) }
        p { (verb.also) }
        @if !single {
            p {
                "It is done to exactly the " strong { (many(total, "item")) } " of " (target)
                " that are there now, in " strong { (many(contexts.len() as u64, "context")) }
                "; what has the same fault later is not touched."
            }
        }
        @if along > 0 && verb.word != "retry" {
            p { (many(along, "item")) " cannot be done without " (if single { "it" } else { "them" }) "." }
        }
    };
    let list = html! {
        section aria-labelledby="h-which" {
            h2 #h-which { "Which" span.count { (number(total)) } }
            (parts::items(visit, &shown[..shown.len().min(MOST_NAMED)], "Items it is done to"))
            @if total > MOST_NAMED as u64 { p.muted { "… and " (number(total - MOST_NAMED as u64)) " more." } }
        }
    };
    let button = if single {
        verb.name.to_owned()
    } else {
        format!("{} {}", verb.name, many(total, "item"))
    };
    let grave = grave.then_some(total);
    Ok(form(
        visit,
        &title,
        &told,
        &Sending { plan: &name, button: &button, danger: verb.word == "drop", grave, back: &back },
        &list,
    ))
}

/// Everything that an order would concern. Afterwards the body names it, one by one.
async fn whole_preview(
    visit: &Visit<'_>,
    path: &str,
    body: &mut Value,
) -> Result<(u64, Vec<Value>), Refusal> {
    let mut shown = Vec::new();
    loop {
        let mut answer = visit.post(path, body).await?;
        if let Value::Array(items) = answer["items"].take() {
            shown.extend(items);
        }
        let next = answer["next"].take();
        if !next.is_string() {
            break;
        }
        body["filter"]["after"] = next;
    }
    if let Some(filter) = body["filter"].as_object_mut() {
        filter.remove("after");
        let names = shown.iter().map(|item| item["item"].clone()).collect();
        filter.insert("items".to_owned(), Value::Array(names));
    }
    body["dry_run"] = false.into();
    Ok((shown.len() as u64, shown))
}

async fn hold(visit: &Visit<'_>, holds: bool) -> Result<Markup, Refusal> {
    let context = visit.query("context");
    let (body, back, place) = match (context, visit.query("target")) {
        (Some(id), None) => {
            // Whether there is one is for the API to say.
            let told = visit
                .ask(&format!("/v1/contexts/{}", crate::admin::inside::encoded(id)), &[])
                .await?;
            (
                json!({"context": told["context"]}),
                format!("/ui/context/{id}"),
                format!("context {id}"),
            )
        }
        (None, Some(_)) => (json!({"target": true}), "/ui".to_owned(), "everything".to_owned()),
        _ => return Err(Refusal::bad("it is not said where", "begin at the overview")),
    };
    let (path, told, name) =
        if holds { ("/v1/hold", "Held", "Hold") } else { ("/v1/resume", "Goes on", "Go on with") };
    let plan =
        Plan { path: path.to_owned(), body, items: None, grave: false, told, back: back.clone() };
    let kept = visit.shared.desk.sessions.keep(&visit.who.id, plan);
    let says = html! {
        @if holds {
            p.says { "Nothing new is begun in " (place) ". What is running comes to its end." }
            p {
                "What comes is collected, in its order. It stays so, also after a restart of drover, until \
                 somebody lets it go on. "
                @if context.is_some() { "All other contexts go on." }
            }
        } @else {
            p.says { "The hold on " (place) " ends, and what was collected is done in its order." }
        }
    };
    let title = format!("{name} {place}?");
    Ok(form(
        visit,
        &title,
        &says,
        &Sending {
            plan: &kept,
            button: name.trim_end_matches(" with"),
            danger: false,
            grave: None,
            back: &back,
        },
        &html! {},
    ))
}

/// What is sent, and how.
struct Sending<'a> {
    plan: &'a str,
    button: &'a str,
    danger: bool,
    /// So many changes are lost for good, which has to be said yes to once more.
    grave: Option<u64>,
    back: &'a str,
}

fn form(
    visit: &Visit<'_>,
    title: &str,
    told: &Markup,
    sending: &Sending<'_>,
    below: &Markup,
) -> Markup {
    let class = if sending.danger { "danger" } else { "primary" };
    let body = html! {
        div.confirm {
            h1 { (title) }
            (told)
            form.card method="post" action="/ui/do" {
                (csrf(visit))
                input type="hidden" name="plan" value=(sending.plan);
                div.fields {
                    div.field {
                        label for="note" { "Why " span.muted { "(for the ledger; may be left out)" } }
                        input #note name="note" maxlength="500" autocomplete="off";
                    }
                    div.field {
                        label for="by" { "Your name " span.muted { "(likewise)" } }
                        input #by name="by" maxlength="100" value=(visit.who.by) autocomplete="name";
                    }
                }
                @if let Some(count) = sending.grave {
                    label.grave {
                        input type="checkbox" name="grave" value="yes" required;
                        " I know that " (many(count, "change")) " will not be made, and that this cannot be taken back."
                    }
                }
                div.actions {
                    button.(class) { (sending.button) }
                    a.button href=(sending.back) { "Leave it" }
                }
            }
        }
        (below)
    };
    frame::page(visit, Here::Elsewhere, title, &body)
}

/// Does what a preview has shown. Answers where to go then.
pub(super) async fn carry_out(visit: &Visit<'_>) -> Result<String, Refusal> {
    let sessions = &visit.shared.desk.sessions;
    let Some(Plan { path, mut body, items, grave, told, back }) =
        sessions.take(&visit.who.id, visit.field("plan"))
    else {
        return Err(Refusal::new(
            409,
            "this preview was confirmed already, or is too old; nothing was done now",
            "look again, and order it anew if it is still wanted",
        ));
    };
    if grave && visit.field("grave") != "yes" {
        return Err(Refusal::bad(
            "it was not said that this many changes may be lost, so nothing was done",
            "order it again, and tick the box",
        ));
    }
    let by = visit.field("by");
    body["note"] = visit.field("note").into();
    body["by"] = by.into();
    let mut done = 0;
    loop {
        let mut answer = visit.post(&path, &body).await?;
        done += whole(&answer["done"]);
        let next = answer["next"].take();
        if !next.is_string() {
            break;
        }
        body["filter"]["after"] = next;
    }
    let news = match items {
        None => format!("{told}."),
        Some(1) if done == 1 => format!("{told}: {}.", single(&body)),
        Some(wanted) if wanted == done => format!("{told}: {}.", many(done, "item")),
        Some(wanted) => format!(
            "{told}: {} of {}. The others have moved on since, or are being done right now.",
            number(done),
            many(wanted, "item")
        ),
    };
    sessions.tell(&visit.who.id, news, by);
    // What was found before is not so any more.
    *visit.shared.desk.causes.lock().await = None;
    Ok(back)
}

fn single(body: &Value) -> String {
    let name = text(&body["item"]);
    if name.is_empty() { "1 item".to_owned() } else { name.to_owned() }
}
