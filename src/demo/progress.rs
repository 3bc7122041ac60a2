//! Live progress: a bar on a terminal, a plain line now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Time between two plain lines. A log that somebody follows should say something before he
/// wonders, and not scroll away.
pub const LINE_EVERY: Duration = Duration::from_secs(5);

/// Title, bar, numbers; fits a line of eighty characters.
const TEMPLATE: &str = "{prefix} {wide_bar} {pos}/{len} eta {eta} {msg}";

/// Shows how far a run is. It has no thread and no clock of its own: it draws when it is told
/// something, and [`update`](Self::update) says what time it is.
pub struct Progress {
    out: Out,
}

enum Out {
    Bar(ProgressBar),
    Lines { to: Box<dyn Write + Send>, last: Option<Duration>, title: String },
}

impl Progress {
    /// Progress on standard error, under a short title such as the name of a phase.
    pub fn on_stderr(title: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::lines(title, Box::new(std::io::stderr()));
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(title.to_owned());
        Self { out: Out::Bar(bar) }
    }

    /// Plain lines to a writer. Failed writes are ignored: nobody is looking.
    pub fn lines(title: &str, to: Box<dyn Write + Send>) -> Self {
        Self { out: Out::Lines { to, last: None, title: title.to_owned() } }
    }

    /// Says how far the run is: items done of all, faults so far, contexts with work now; `elapsed`
    /// is the time since the run began.
    pub fn update(
        &mut self,
        elapsed: Duration,
        done: u64,
        total: u64,
        faults: u64,
        contexts_active: u64,
    ) {
        match &mut self.out {
            Out::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(done);
                let rate = rate(done, elapsed);
                bar.set_message(format!(
                    "{rate:.0}/s, {contexts_active} contexts, {faults} faults"
                ));
            }
            Out::Lines { to, last, title } => {
                let due = last.is_none_or(|last| elapsed >= last + LINE_EVERY);
                if due {
                    *last = Some(elapsed);
                    let line = line(title, elapsed, done, total, faults, contexts_active);
                    let _ = writeln!(to, "{line}");
                }
            }
        }
    }

    /// Ends it: the bar stays as it is, or a last line is written.
    pub fn finish(&mut self, elapsed: Duration, done: u64, total: u64, faults: u64) {
        if let Out::Lines { last, .. } = &mut self.out {
            *last = None;
        }
        self.update(elapsed, done, total, faults, 0);
        match &mut self.out {
            Out::Bar(bar) => bar.abandon(),
            Out::Lines { to, .. } => drop(to.flush()),
        }
    }
}

/// Items a second.
#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn rate(done: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { done as f64 / seconds } else { 0.0 }
}

fn line(
    title: &str,
    elapsed: Duration,
    done: u64,
    total: u64,
    faults: u64,
    contexts: u64,
) -> String {
    let share = done.saturating_mul(100).checked_div(total).unwrap_or_default();
    let seconds = elapsed.as_secs_f64();
    let rate = rate(done, elapsed);
    format!(
        "{title}: {done}/{total} items ({share}%) after {seconds:.0}s, {rate:.1}/s, \
         {contexts} contexts active, {faults} faults"
    )
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_bar_can_be_drawn() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        let mut progress = Progress { out: Out::Bar(ProgressBar::hidden()) };
        progress.update(Duration::from_secs(1), 7, 10, 1, 2);
        let Out::Bar(bar) = &progress.out else { panic!() };
        assert_eq!((bar.position(), bar.length()), (7, Some(10)));
        assert_eq!(bar.message(), "7/s, 2 contexts, 1 faults");
    }

    #[test]
    fn lines_come_every_few_seconds_and_at_the_end() {
        let kept = Kept::default();
        let mut progress = Progress::lines("first load", Box::new(kept.clone()));
        for tenth in 0..120 {
            let elapsed = Duration::from_millis(tenth * 100);
            progress.update(elapsed, tenth, 200, 0, 3);
        }
        progress.finish(Duration::from_secs(20), 200, 200, 1);
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "first load: 0/200 items (0%) after 0s, 0.0/s, 3 contexts active, 0 faults",
                "first load: 50/200 items (25%) after 5s, 10.0/s, 3 contexts active, 0 faults",
                "first load: 100/200 items (50%) after 10s, 10.0/s, 3 contexts active, 0 faults",
                "first load: 200/200 items (100%) after 20s, 10.0/s, 0 contexts active, 1 faults",
            ]
        );
    }
}
