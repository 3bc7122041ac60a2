//! Contexts: all that are known, how each is doing, and why it stands still.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Engine;
use super::items::{PendingItem, pending};
use super::words::{self, Answer, Refusal, shortened, told};
use crate::actors::operator::{ContextView, Filter, Order, Outcome};
use crate::index::Inhabited;
use crate::model::ContextId;

/// How a context is doing, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It stands still at a faulty item.
    Stopped,
    /// The operator holds it.
    Held,
    /// All that is pending is set aside, or waits for what is.
    Aside,
    /// Something waits for its turn, or for OX.
    Waiting,
    /// Something is being done.
    Working,
    /// Nothing is to be done.
    Idle,
}

impl State {
    const ALL: [Self; 6] =
        [Self::Stopped, Self::Held, Self::Aside, Self::Waiting, Self::Working, Self::Idle];

    fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Held => "held",
            Self::Aside => "aside",
            Self::Waiting => "waiting",
            Self::Working => "working",
            Self::Idle => "idle",
        }
    }

    fn of(view: &ContextView) -> Self {
        if view.stopped_at.is_some() {
            Self::Stopped
        } else if view.held.is_some() {
            Self::Held
        } else if view.running {
            Self::Working
        } else if view.pending > view.aside {
            Self::Waiting
        } else if view.aside > 0 {
            Self::Aside
        } else {
            Self::Idle
        }
    }
}

/// A context.
#[derive(Debug, Serialize, JsonSchema)]
struct Told {
    /// Its number.
    context: u32,
    /// Its name in OX, if drover has made it.
    name: Option<String>,
    /// How it is doing.
    state: State,
    /// That in a sentence.
    why: String,
    /// Objects that are in it, itself among them.
    objects: usize,
    /// Items, and groups and accounts to be looked at again, that are not through.
    pending: usize,
    /// Of those, the ones that are set aside, or wait for one that is.
    aside: usize,
    /// Whether something is being done there now.
    running: bool,
    /// Since when the oldest item waits, milliseconds since 1970 UTC.
    oldest_ms: Option<i64>,
    /// The item at which it stands still.
    stopped_at: Option<String>,
    /// That item's last fault.
    fault: Option<String>,
    /// The operator's hold on it.
    hold: Option<HoldTold>,
}

/// An operator's hold on a context.
#[derive(Debug, Serialize, JsonSchema)]
struct HoldTold {
    /// Why.
    note: Option<String>,
    /// Since when, milliseconds since 1970 UTC.
    since_ms: i64,
}

/// A page of contexts.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ContextsPage {
    /// How many there are in all that fit.
    total: usize,
    /// How many of them come before this page.
    offset: usize,
    /// How many of all contexts are in each state.
    states: BTreeMap<&'static str, usize>,
    /// The page.
    contexts: Vec<Told>,
}

/// One context.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ContextTold {
    #[serde(flatten)]
    told: Told,
    /// The first items that are pending there.
    items: Vec<PendingItem>,
}

/// A context as far as it has to be looked at to be found, put in order, and left out.
#[derive(Debug)]
struct Row<'a> {
    context: ContextId,
    known: Option<&'a Inhabited>,
    work: Option<&'a ContextView>,
    state: State,
}

/// What the order of contexts goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Id,
    Name,
    Depth,
    State,
    Age,
}

/// What is asked of the list.
#[derive(Debug)]
struct Question {
    by: By,
    descending: bool,
    states: Vec<State>,
    /// In its number or its name, in lower case.
    text: Option<String>,
    offset: usize,
    limit: usize,
}

const PARAMETERS: &[&str] = &["sort", "state", "search", "offset", "limit"];

impl Question {
    fn read(query: &str) -> Result<Self, Refusal> {
        let pairs = words::query(query, PARAMETERS)?;
        let sort = words::value(&pairs, "sort").unwrap_or("id");
        let (descending, name) = sort.strip_prefix('-').map_or((false, sort), |name| (true, name));
        let by = match name {
            "id" => By::Id,
            "name" => By::Name,
            "depth" => By::Depth,
            "state" => By::State,
            "age" => By::Age,
            other => {
                return Err(Refusal::bad(
                    format!("contexts are not sorted by {:?}", shortened(other)),
                    "sort by id, name, depth, state or age, with - before it for the reverse",
                ));
            }
        };
        let words = words::value(&pairs, "state").unwrap_or_default();
        let words = words.split(',').map(str::trim).filter(|word| !word.is_empty());
        let states = words.map(state).collect::<Result<_, _>>()?;
        Ok(Self {
            by,
            descending,
            states,
            text: words::value(&pairs, "search").map(str::to_lowercase),
            offset: words::number(&pairs, "offset")?.unwrap_or(0),
            limit: words::page_size(&pairs)?,
        })
    }

    fn wants(&self, row: &Row<'_>) -> bool {
        let found = self.text.as_ref().is_none_or(|text| {
            row.context.to_string().contains(text)
                || row.name().is_some_and(|name| name.to_lowercase().contains(text))
        });
        found && (self.states.is_empty() || self.states.contains(&row.state))
    }

    fn compare(&self, a: &Row<'_>, b: &Row<'_>) -> Ordering {
        let order = match self.by {
            By::Id => Ordering::Equal,
            By::Name => a.name().cmp(&b.name()),
            By::Depth => a.depth().cmp(&b.depth()),
            By::State => a.state.cmp(&b.state),
            // Who waits longest is the oldest; who does not wait has no age and is younger than all.
            By::Age => b.since().cmp(&a.since()),
        };
        let order = order.then(a.context.cmp(&b.context));
        if self.descending { order.reverse() } else { order }
    }
}

fn state(word: &str) -> Result<State, Refusal> {
    State::ALL.into_iter().find(|state| state.word() == word).ok_or_else(|| {
        let words = State::ALL.map(State::word).join(", ");
        Refusal::bad(
            format!("no context is {:?}", shortened(word)),
            format!("name some of {words}"),
        )
    })
}

impl Row<'_> {
    fn name(&self) -> Option<&str> {
        self.known?.name.as_deref()
    }

    fn depth(&self) -> usize {
        self.work.map_or(0, |work| work.pending)
    }

    fn since(&self) -> i64 {
        self.work.and_then(|work| work.oldest_ms).unwrap_or(i64::MAX)
    }

    fn told(&self, outage: Option<&str>, all_held: bool) -> Told {
        let work = self.work;
        Told {
            context: self.context.0,
            name: self.name().map(str::to_owned),
            state: self.state,
            why: self.why(outage, all_held),
            objects: self.known.map_or(0, |known| known.objects),
            pending: self.depth(),
            aside: work.map_or(0, |work| work.aside),
            running: work.is_some_and(|work| work.running),
            oldest_ms: work.and_then(|work| work.oldest_ms),
            stopped_at: work.and_then(|work| work.stopped_at.as_ref()).map(ToString::to_string),
            fault: work.and_then(|work| work.fault.clone()),
            hold: work
                .and_then(|work| work.held.as_ref())
                .map(|hold| HoldTold { note: hold.note.clone(), since_ms: hold.since_ms }),
        }
    }

    /// In a sentence.
    fn why(&self, outage: Option<&str>, all_held: bool) -> String {
        let Some(work) = self.work else { return "has nothing to do".to_owned() };
        let held = work.held.as_ref().map(|hold| match &hold.note {
            Some(note) => format!("held by the operator: {note}"),
            None => "held by the operator".to_owned(),
        });
        match (self.state, &work.stopped_at, &work.fault) {
            (State::Stopped, Some(item), Some(fault)) => format!("stands still at {item}: {fault}"),
            (State::Stopped, ..) => "stands still at a faulty item".to_owned(),
            (State::Held, ..) => held.unwrap_or_default(),
            (State::Aside, ..) => {
                "all that is pending is set aside, or waits for an item that is".to_owned()
            }
            (State::Waiting, ..) if all_held => "everything is held by the operator".to_owned(),
            (State::Waiting, ..) => match outage {
                Some(reason) => format!("waits for OX: {reason}"),
                None => "waits for its turn".to_owned(),
            },
            (State::Working, ..) => "is being worked on".to_owned(),
            (State::Idle, ..) => "has nothing to do".to_owned(),
        }
    }
}

/// All contexts, known ones and those that only have work.
fn rows<'a>(known: &'a [Inhabited], work: &'a [ContextView]) -> Vec<Row<'a>> {
    let mut by_number: BTreeMap<ContextId, Row<'a>> = BTreeMap::new();
    for one in known {
        let row = Row { context: one.context, known: Some(one), work: None, state: State::Idle };
        by_number.insert(one.context, row);
    }
    for view in work {
        let row = by_number.entry(view.context).or_insert(Row {
            context: view.context,
            known: None,
            work: None,
            state: State::Idle,
        });
        row.state = State::of(view);
        row.work = Some(view);
    }
    by_number.into_values().collect()
}

/// One page of them, in order, and how many there are in all. Rows that are on no page are only
/// compared; those before the page are put in order too.
fn page<'a>(mut rows: Vec<Row<'a>>, question: &Question) -> (usize, Vec<Row<'a>>) {
    rows.retain(|row| question.wants(row));
    let total = rows.len();
    let end = question.offset.saturating_add(question.limit).min(total);
    if end < total {
        rows.select_nth_unstable_by(end, |a, b| question.compare(a, b));
        rows.truncate(end);
    }
    rows.sort_unstable_by(|a, b| question.compare(a, b));
    let rows = rows.into_iter().skip(question.offset).collect();
    (total, rows)
}

async fn work(engine: &Engine) -> Result<Vec<ContextView>, Refusal> {
    match engine.operator.order(Order::Contexts).await? {
        Outcome::Contexts(contexts) => Ok(contexts),
        _ => Ok(Vec::new()),
    }
}

/// A page of contexts.
pub(super) async fn list(engine: &Engine, query: &str) -> Answer {
    let question = Question::read(query)?;
    let (known, work) = (engine.index.contexts(), work(engine).await?);
    let rows = rows(&known, &work);
    let mut states = BTreeMap::from(State::ALL.map(|state| (state.word(), 0_usize)));
    for row in &rows {
        *states.entry(row.state.word()).or_default() += 1;
    }
    let (total, rows) = page(rows, &question);
    let snapshot = engine.snapshots.borrow().clone();
    let all_held = snapshot.holds.iter().any(|hold| hold == "target");
    let contexts = rows.iter().map(|row| row.told(snapshot.outage.as_deref(), all_held)).collect();
    told(&ContextsPage { total, offset: question.offset, states, contexts })
}

/// One context, and what is pending there.
pub(super) async fn one(engine: &Engine, context: ContextId, whole: bool) -> Answer {
    let known: Vec<Inhabited> =
        engine.index.contexts().into_iter().filter(|one| one.context == context).collect();
    let mut work = work(engine).await?;
    work.retain(|view| view.context == context);
    let rows = rows(&known, &work);
    let Some(row) = rows.first() else {
        return Err(Refusal::new(
            404,
            format!("nothing is known of context {context}"),
            "GET /v1/contexts (\"drover context list\") tells which there are",
        ));
    };
    let snapshot = engine.snapshots.borrow().clone();
    let all_held = snapshot.holds.iter().any(|hold| hold == "target");
    let filter = Filter { context: Some(context), limit: words::PAGE, ..Filter::default() };
    let items = engine.operator.list(filter).await?;
    told(&ContextTold {
        told: row.told(snapshot.outage.as_deref(), all_held),
        items: items.iter().map(|item| pending(item, whole)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::model::ItemName;

    fn question(query: &str) -> Question {
        Question::read(query).unwrap()
    }

    fn known(count: u32) -> Vec<Inhabited> {
        let one = |id: u32| Inhabited {
            context: ContextId(id),
            // Not in the order of their numbers.
            name: Some(format!("school-{:05}", id.wrapping_mul(7919) % 100_003).into()),
            objects: 7,
        };
        (1..=count).map(one).collect()
    }

    fn view(id: u32, pending: usize) -> ContextView {
        ContextView {
            context: ContextId(id),
            pending,
            aside: 0,
            running: false,
            stopped_at: None,
            fault: None,
            oldest_ms: Some(i64::from(id)),
            held: None,
        }
    }

    fn numbers(known: &[Inhabited], work: &[ContextView], query: &str) -> (usize, Vec<u32>) {
        let (total, rows) = page(rows(known, work), &question(query));
        (total, rows.iter().map(|row| row.context.0).collect())
    }

    #[test]
    fn contexts_are_found_and_put_in_order_by_what_is_asked() {
        let known = known(5);
        let stopped = ContextView { stopped_at: Some(ItemName::new("a.json")), ..view(4, 3) };
        let work = [view(2, 9), stopped, view(77, 1)];
        let of = |query: &str| numbers(&known, &work, query);
        assert_eq!(of(""), (6, vec![1, 2, 3, 4, 5, 77]));
        assert_eq!(of("sort=-id&limit=2"), (6, vec![77, 5]));
        assert_eq!(of("sort=-depth&limit=3"), (6, vec![2, 4, 77]));
        assert_eq!(of("sort=state&limit=4"), (6, vec![4, 2, 77, 1]));
        assert_eq!(of("sort=-age&limit=2&offset=1"), (6, vec![4, 77]));
        assert_eq!(of("state=stopped,waiting"), (3, vec![2, 4, 77]));
        assert_eq!(of("search=7"), (4, vec![1, 3, 4, 77]), "by number or name");
        assert_eq!(of("offset=99"), (6, vec![]));
        assert!(Question::read("sort=size").is_err() && Question::read("state=asleep").is_err());
    }

    #[test]
    fn pages_put_together_are_the_whole_list_whatever_the_order() {
        let known = known(50);
        let work: Vec<ContextView> = (20..60).map(|id| view(id, id as usize % 4)).collect();
        for sort in ["id", "-id", "name", "-name", "depth", "-depth", "state", "age", "-age"] {
            let (total, whole) = numbers(&known, &work, &format!("sort={sort}&limit=1000"));
            let pages: Vec<u32> = (0..total)
                .step_by(7)
                .flat_map(|at| {
                    numbers(&known, &work, &format!("sort={sort}&limit=7&offset={at}")).1
                })
                .collect();
            assert_eq!(pages, whole, "{sort}");
        }
    }

    /// Ten times as many contexts may take ten times as long and something for caches, not a hundred
    /// times.
    #[test]
    fn a_page_of_fifty_thousand_contexts_costs_no_more_for_each_than_one_of_five_thousand() {
        let best = |count: u32| {
            let known = known(count);
            let work: Vec<ContextView> = (1..=count).step_by(3).map(|id| view(id, 2)).collect();
            let once = || {
                let begun = Instant::now();
                let (total, page) = numbers(&known, &work, "sort=-depth&limit=100");
                assert_eq!((total, page.len()), (count as usize, 100));
                begun.elapsed()
            };
            (0..5).map(|_| once()).min().unwrap()
        };
        let (small, large) = (best(5_000), best(50_000));
        assert!(large < small * 60, "{small:?} and {large:?}");
    }
}
