//! What is around every page.

use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::text::{moment, sentence};
use super::visit::Visit;
use crate::admin::inside::Refusal;

/// Which part of the pages one is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    Overview,
    Causes,
    Elsewhere,
}

/// A whole page.
pub(super) fn page(visit: &Visit<'_>, here: Here, title: &str, body: &Markup) -> Markup {
    let link = |at: Here, path: &str, name: &str| {
        let current = (at == here).then_some("page");
        html! { a href=(path) aria-current=[current] { (name) } }
    };
    let role = if visit.may_change() { "Operator" } else { "Read only" };
    let top = html! {
        header.top {
            a.brand href="/ui" { img src=(assets::icon()) alt="" width="26" height="26"; span { "drover" } }
            nav aria-label="Pages" {
                (link(Here::Overview, "/ui", "Overview"))
                (link(Here::Causes, "/ui/causes", "Causes"))
            }
            form.search role="search" action="/ui/search" {
                label.unseen for="q" { "Search" }
                input #q type="search" name="q" value=[visit.query("q").filter(|_| here == Here::Elsewhere)]
                    placeholder=(search_words(visit)) autocomplete="off" spellcheck="false";
                button { "Search" }
            }
            div.who {
                span.role { (role) }
                @if visit.who.token.is_some() {
                    form method="post" action="/ui/logout" {
                        (csrf(visit))
                        button.quiet { "Log out" }
                    }
                }
            }
        }
    };
    let news = visit.who.news.as_ref();
    let main = html! {
        @if let Some(news) = news { p.notice.good role="status" { (news) } }
        (body)
    };
    let foot = html! {
        footer.foot {
            span { "drover " (env!("CARGO_PKG_VERSION")) }
            span #asof data-live { "as of " time { (moment(visit.now_ms)) } }
            label.live hidden { input #live type="checkbox" checked; " renewed every 5 s" }
        }
    };
    document(title, &top, &main, &foot, true)
}

/// What can be searched for, in the search field.
fn search_words(visit: &Visit<'_>) -> &'static str {
    if visit.sees_people() { "Context, mail address, DN, name, id" } else { "Context, item or id" }
}

/// A page for somebody who is not logged in.
pub(super) fn bare(title: &str, body: &Markup) -> Markup {
    let top = html! {
        header.top {
            a.brand href="/ui" { img src=(assets::icon()) alt="" width="26" height="26"; span { "drover" } }
        }
    };
    document(title, &top, body, &html! {}, false)
}

fn document(title: &str, top: &Markup, main: &Markup, foot: &Markup, live: bool) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · drover" }
                link rel="stylesheet" href=(assets::style());
                link rel="icon" href=(assets::icon()) type="image/svg+xml";
                @if live { script src=(assets::script()) defer {} }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (top)
                main #main tabindex="-1" { (main) }
                (foot)
            }
        }
    }
}

/// The secret that every form brings.
pub(super) fn csrf(visit: &Visit<'_>) -> Markup {
    html! { input type="hidden" name="csrf" value=(visit.who.csrf); }
}

/// Why something is not shown or was not done, and what to do.
pub(super) fn refusal(visit: &Visit<'_>, refusal: &Refusal) -> Markup {
    page(visit, Here::Elsewhere, "Not done", &told(refusal))
}

/// The same for somebody of whom nothing is known.
pub(super) fn plain_refusal(refusal: &Refusal) -> Markup {
    bare("Not done", &told(refusal))
}

fn told(refusal: &Refusal) -> Markup {
    let heading = match refusal.status {
        403 => "Not allowed",
        404 => "Not found",
        409 => "Not possible now",
        401 => "Not logged in",
        500.. => "Something is wrong",
        _ => "Not done",
    };
    html! {
        div.gate {
            h1 { (heading) }
            p.notice.bad role="alert" { (sentence(&refusal.error)) "." }
            p { (sentence(&refusal.cure)) "." }
            p { a.button href="/ui" { "To the overview" } }
        }
    }
}
