//! Who is at a page: sessions, the forms they may send, and what they have been shown and not yet said
//! yes to. All of it is in memory only, and ends with drover.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rand::RngCore as _;
use serde_json::Value;

use crate::admin::inside::Way;
use crate::model::Secret;

/// Without a step taken for so long, a session ends. A page that only renews itself takes none.
const IDLE: Duration = Duration::from_secs(30 * 60);

/// And after so long in any case.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// Sessions at once; for one more, the one that was not used for longest ends.
const MOST: usize = 256;

/// Previews that a session keeps; the oldest goes for one more.
const MOST_PLANS: usize = 8;

/// What a preview has shown, and what is done when it is confirmed: exactly that.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// Where it is posted to, such as `/v1/park`.
    pub(super) path: String,
    /// What is posted.
    pub(super) body: Value,
    /// How many items it is about; none for contexts.
    pub(super) items: Option<u64>,
    /// It cannot be taken back, and is about so much that it is asked for twice.
    pub(super) grave: bool,
    /// What is told when it was done, such as `Parked`.
    pub(super) told: &'static str,
    /// Where one goes then.
    pub(super) back: String,
}

/// A session as a request finds it.
#[derive(Debug, Clone)]
pub(super) struct Who {
    /// What the cookie says.
    pub(super) id: String,
    /// What every form has to bring.
    pub(super) csrf: String,
    /// How it came.
    pub(super) way: Way,
    /// The token it logged in with; none at the socket.
    pub(super) token: Option<Secret>,
    /// How somebody called himself, for the ledger.
    pub(super) by: String,
    /// What is to be told once.
    pub(super) news: Option<String>,
}

#[derive(Debug)]
struct Session {
    who: Who,
    plans: VecDeque<(String, Plan)>,
    begun: Instant,
    used: Instant,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.used) > IDLE || now.duration_since(self.begun) > LONGEST
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one.
    pub(super) fn open(&self, way: Way, token: Option<Secret>, now: Instant) -> Who {
        let mut all = self.all();
        all.retain(|_, session| !session.is_over(now));
        if all.len() >= MOST {
            let oldest = all.values().min_by_key(|session| session.used);
            if let Some(id) = oldest.map(|session| session.who.id.clone()) {
                all.remove(&id);
            }
        }
        let who = Who { id: random(), csrf: random(), way, token, by: String::new(), news: None };
        let session = Session { who: who.clone(), plans: VecDeque::new(), begun: now, used: now };
        all.insert(who.id.clone(), session);
        who
    }

    /// The session of that id that came this way. `step`: somebody does something, and is told what
    /// was to be told; otherwise a page only renews itself.
    pub(super) fn find(&self, id: &str, way: Way, step: bool, now: Instant) -> Option<Who> {
        let mut all = self.all();
        let session = all.get_mut(id)?;
        if session.is_over(now) || session.who.way != way {
            all.remove(id);
            return None;
        }
        let who = session.who.clone();
        if step {
            session.used = now;
            session.who.news = None;
        }
        Some(who)
    }

    /// Ends one.
    pub(super) fn close(&self, id: &str) {
        self.all().remove(id);
    }

    /// Keeps a preview until it is confirmed; answers the name by which it is.
    pub(super) fn keep(&self, id: &str, plan: Plan) -> String {
        let name = random();
        if let Some(session) = self.all().get_mut(id) {
            session.plans.push_back((name.clone(), plan));
            if session.plans.len() > MOST_PLANS {
                session.plans.pop_front();
            }
        }
        name
    }

    /// The preview of that name, once.
    pub(super) fn take(&self, id: &str, name: &str) -> Option<Plan> {
        let mut all = self.all();
        let plans = &mut all.get_mut(id)?.plans;
        let place = plans.iter().position(|(kept, _)| kept == name)?;
        plans.remove(place).map(|(_, plan)| plan)
    }

    /// Tells something at the next step, and remembers how somebody called himself.
    pub(super) fn tell(&self, id: &str, news: String, by: &str) {
        if let Some(session) = self.all().get_mut(id) {
            session.who.news = Some(news);
            by.clone_into(&mut session.who.by);
        }
    }
}

/// 256 bits that nobody can guess.
fn random() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(items: u64) -> Plan {
        let told = "Parked";
        let (path, back) = (String::new(), String::new());
        Plan { path, body: Value::Null, items: Some(items), grave: false, told, back }
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_or_after_its_day() {
        let sessions = Sessions::default();
        let begun = Instant::now();
        let find = |id: &str, step, at| sessions.find(id, Way::Address, step, begun + at).is_some();
        let who = sessions.open(Way::Address, None, begun);
        assert!(find(&who.id, true, IDLE));
        assert!(find(&who.id, false, IDLE * 2), "used meanwhile");
        assert!(!find(&who.id, true, IDLE * 2 + Duration::from_secs(1)), "a look is no step");
        let who = sessions.open(Way::Address, None, begun);
        let mut at = Duration::ZERO;
        while at <= LONGEST {
            assert!(find(&who.id, true, at));
            at += IDLE;
        }
        assert!(!find(&who.id, true, at));
        assert!(!find("", true, Duration::ZERO));
    }

    #[test]
    fn who_came_one_way_is_not_known_on_the_other() {
        let sessions = Sessions::default();
        let now = Instant::now();
        let who = sessions.open(Way::Socket, None, now);
        assert!(sessions.find(&who.id, Way::Address, true, now).is_none());
    }

    #[test]
    fn neither_sessions_nor_previews_grow_without_bound() {
        let sessions = Sessions::default();
        let begun = Instant::now();
        let first = sessions.open(Way::Address, None, begun);
        for n in 1..=MOST as u64 {
            sessions.open(Way::Address, None, begun + Duration::from_millis(n));
        }
        assert_eq!(sessions.all().len(), MOST);
        assert!(sessions.find(&first.id, Way::Address, true, begun).is_none());
        let who = sessions.open(Way::Address, None, begun + Duration::from_secs(1));
        let names: Vec<String> =
            (0..=MOST_PLANS as u64).map(|items| sessions.keep(&who.id, plan(items))).collect();
        assert_eq!(sessions.take(&who.id, &names[0]), None);
        assert_eq!(sessions.take(&who.id, &names[1]), Some(plan(1)));
        assert_eq!(sessions.take(&who.id, &names[1]), None, "a preview is confirmed once");
        assert_eq!(sessions.take("other", &names[2]), None, "and by whom it was shown to");
    }
}
