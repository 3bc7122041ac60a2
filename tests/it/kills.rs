//! The kill rehearsal: the real binary against the simulator in a process of its own, killed with
//! SIGKILL at moments that matter and at random ones, over and over (ERR-26, CAC-08; D7, D44, D45).
//!
//! A *round* feeds a few queue items, starts drover, and kills it once or more. A *season* is as many
//! rounds as it takes to work one seeded workload off: an empty OX and an empty data folder at its
//! begin, a *rest* after each phase, when drover is let finish and everything is compared. Seasons
//! are told apart by their seeds; the seeds decide about items, faults and moments, the machine about
//! what drover is just doing then.
//!
//! `tests/kills` runs any number of rounds; these variables steer it:
//!
//! | variable | what | default |
//! |---|---|---|
//! | `DROVER_KILLS_ROUNDS` | rounds, of all seasons together | 200 |
//! | `DROVER_KILLS_SEED` | seed of the first season; the next ones count on | random |
//! | `DROVER_KILLS_JOBS` | seasons at a time | 2 |
//! | `DROVER_KILLS_BINARY` | what is started and killed, such as a release build | the one under test |

mod moment;
mod rest;
mod season;
mod stage;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use self::season::Season;

/// Rounds between two lines of progress.
const PROGRESS: u64 = 100;

/// What all seasons share.
struct Rehearsal {
    rounds: u64,
    begun: Instant,
    next_seed: AtomicU64,
    failed: AtomicBool,
    counts: Counts,
}

/// What has happened so far.
#[derive(Default)]
struct Counts {
    rounds: AtomicU64,
    kills: AtomicU64,
    items: AtomicU64,
    calls: AtomicU64,
    rests: AtomicU64,
    seasons: AtomicU64,
}

impl Rehearsal {
    /// Takes one of the rounds that are to be done; false if there is none left.
    fn one_more(&self) -> bool {
        let taken = self.counts.rounds.fetch_add(1, Ordering::Relaxed) < self.rounds;
        if !taken {
            self.counts.rounds.fetch_sub(1, Ordering::Relaxed);
        }
        taken && !self.failed.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.counts.rounds.load(Ordering::Relaxed) >= self.rounds
            || self.failed.load(Ordering::Relaxed)
    }

    fn progress(&self) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (counts, seconds) = (&self.counts, self.begun.elapsed().as_secs_f64());
        let rounds = read(&counts.rounds);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = rounds as f64 / seconds;
        eprintln!(
            "kills: {rounds} rounds in {seconds:.0} s ({rate:.1}/s): {} kills, {} items, {} calls, \
             {} rests, {} seasons",
            read(&counts.kills),
            read(&counts.items),
            read(&counts.calls),
            read(&counts.rests),
            read(&counts.seasons),
        );
    }

    /// Season after season until enough rounds are done.
    fn play(&self) {
        struct Alarm<'a>(&'a AtomicBool);
        impl Drop for Alarm<'_> {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    self.0.store(true, Ordering::Relaxed);
                }
            }
        }
        let _alarm = Alarm(&self.failed);
        while !self.is_over() {
            let seed = self.next_seed.fetch_add(1, Ordering::Relaxed);
            Season::of(seed, self).play();
            self.counts.seasons.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}: expected a number, not {text:?}")))
}

#[test]
fn killed_at_any_moment_it_ends_where_the_directory_says() {
    let seed = number("DROVER_KILLS_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let rehearsal = Rehearsal {
        rounds: number("DROVER_KILLS_ROUNDS").unwrap_or(200),
        begun: Instant::now(),
        next_seed: AtomicU64::new(seed),
        failed: AtomicBool::new(false),
        counts: Counts::default(),
    };
    eprintln!("kills: {} rounds, seed {seed}", rehearsal.rounds);
    std::thread::scope(|threads| {
        for _ in 0..number("DROVER_KILLS_JOBS").unwrap_or(2).max(1) {
            threads.spawn(|| rehearsal.play());
        }
    });
    rehearsal.progress();
    assert!(rehearsal.counts.kills.load(Ordering::Relaxed) >= rehearsal.rounds);
    assert!(rehearsal.counts.rests.load(Ordering::Relaxed) > 0);
}
