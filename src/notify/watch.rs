//! What is worth telling: standstills that last, and their ends. Pure: time is brought by the caller.

use std::collections::BTreeMap;
use std::time::Duration;

/// Where something stands still: OX as a whole, a context, files that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Nothing can be done, for OX does not answer.
    Ox,
    /// A context.
    Context(u32),
    /// The queue has files that cannot be used.
    Files,
}

/// Why it stands still.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trouble {
    /// The item at which it does.
    pub item: Option<String>,
    /// OX's exception id.
    pub exception_id: Option<String>,
    /// How many items wait behind it.
    pub behind: usize,
    /// The code of the fault's hint.
    pub hint: &'static str,
    /// What it means.
    pub means: String,
    /// What to do.
    pub cure: String,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// It stands still, and has for that long.
    Stopped(Trouble, Duration),
    /// It goes on; it stood still for that long.
    Recovered(Duration),
}

#[derive(Debug)]
struct Standing {
    since: Duration,
    seen: Duration,
    told: bool,
}

/// Sees standstills come and go. One that comes and goes quickly is one standstill.
#[derive(Debug)]
pub struct Watcher {
    after: Duration,
    quiet: Duration,
    known: BTreeMap<Place, Standing>,
}

impl Watcher {
    /// Tells what has lasted for `after`, and has recovered what was not seen for `quiet`.
    pub fn new(after: Duration, quiet: Duration) -> Self {
        Self { after, quiet, known: BTreeMap::new() }
    }

    /// What is news when this stands still at that time since any fixed moment.
    pub fn look(
        &mut self,
        now: Duration,
        standing: &BTreeMap<Place, Trouble>,
    ) -> BTreeMap<Place, News> {
        let mut news = BTreeMap::new();
        for (place, trouble) in standing {
            let known =
                self.known.entry(*place).or_insert(Standing { since: now, seen: now, told: false });
            known.seen = now;
            let lasted = now.saturating_sub(known.since);
            if !known.told && lasted >= self.after {
                known.told = true;
                news.insert(*place, News::Stopped(trouble.clone(), lasted));
            }
        }
        self.known.retain(|place, known| {
            let gone =
                !standing.contains_key(place) && now.saturating_sub(known.seen) >= self.quiet;
            if gone && known.told {
                let stood = known.seen.saturating_sub(known.since);
                news.insert(*place, News::Recovered(stood));
            }
            !gone
        });
        news
    }
}

/// Puts news to those that were not told yet. A recovery of which the standstill was not told either
/// makes both pointless.
pub fn merge(waiting: &mut BTreeMap<Place, News>, news: BTreeMap<Place, News>) {
    for (place, new) in news {
        match (waiting.get(&place), &new) {
            // Or the other way round: nobody was told that it had recovered.
            (Some(News::Stopped(..)), News::Recovered(_))
            | (Some(News::Recovered(_)), News::Stopped(..)) => {
                waiting.remove(&place);
            }
            _ => {
                waiting.insert(place, new);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn standing(contexts: &[u32]) -> BTreeMap<Place, Trouble> {
        contexts.iter().map(|id| (Place::Context(*id), Trouble::default())).collect()
    }

    fn words(news: &BTreeMap<Place, News>) -> Vec<String> {
        let word = |(place, news): (&Place, &News)| match news {
            News::Stopped(_, lasted) => format!("{place:?} stopped {}", lasted.as_secs()),
            News::Recovered(stood) => format!("{place:?} recovered {}", stood.as_secs()),
        };
        news.iter().map(word).collect()
    }

    #[test]
    fn what_lasts_is_told_once_and_its_end_is_told_once() {
        let mut watcher = Watcher::new(at(60), at(300));
        let mut all = Vec::new();
        for second in 0..1000 {
            let there = if (100..400).contains(&second) { standing(&[7]) } else { standing(&[]) };
            for word in words(&watcher.look(at(second), &there)) {
                all.push(format!("{second}: {word}"));
            }
        }
        assert_eq!(all, ["160: Context(7) stopped 60", "699: Context(7) recovered 299"]);
    }

    #[test]
    fn what_comes_and_goes_is_told_once() {
        let mut watcher = Watcher::new(at(60), at(300));
        let mut all = Vec::new();
        // Ten minutes of it every second minute, for three hours.
        for second in 0..10_800 {
            let there = if second / 60 % 2 == 0 { standing(&[7]) } else { standing(&[]) };
            all.extend(words(&watcher.look(at(second), &there)));
        }
        assert_eq!(all.len(), 1, "{all:?}");
        let quiet = watcher.look(at(20_000), &standing(&[]));
        assert_eq!(quiet.len(), 1);
        assert_eq!(watcher.look(at(30_000), &standing(&[])).len(), 0);
    }

    #[test]
    fn what_is_over_soon_is_not_told() {
        let mut watcher = Watcher::new(at(60), at(300));
        assert_eq!(watcher.look(at(0), &standing(&[7])).len(), 0);
        assert_eq!(watcher.look(at(30), &standing(&[])).len(), 0);
        assert_eq!(watcher.look(at(1_000), &standing(&[])).len(), 0);
        assert!(watcher.known.is_empty());
    }

    #[test]
    fn what_was_not_delivered_and_is_over_is_dropped() {
        let stopped = || News::Stopped(Trouble::default(), at(1));
        let mut waiting = BTreeMap::from([(Place::Ox, stopped())]);
        merge(&mut waiting, BTreeMap::from([(Place::Context(1), stopped())]));
        assert_eq!(waiting.len(), 2);
        merge(&mut waiting, BTreeMap::from([(Place::Ox, News::Recovered(at(1)))]));
        assert_eq!(waiting.keys().collect::<Vec<_>>(), [&Place::Context(1)]);
    }
}
