//! What a run has measured: the target, or itself. Pure rules over evidence.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::units::shown;

/// The judgement of a run about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum Verdict {
    /// The numbers are the target's.
    Valid,
    /// The numbers are those of the machine that made the load; it needs more processors, or less
    /// load beside it.
    GeneratorBound,
    /// The numbers are those of the population: its largest context, which is worked on one item at a
    /// time, was never idle while the target had room for others.
    PopulationBound,
    /// The target has stopped answering.
    TargetDead,
}

impl Verdict {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::GeneratorBound => "GENERATOR-BOUND",
            Self::PopulationBound => "POPULATION-BOUND",
            Self::TargetDead => "TARGET-DEAD",
        }
    }
}

/// Lateness below this is no matter, whatever the latencies are.
const LATE_US: u64 = 10_000;
/// Lateness may be so large a part of what is measured.
const LATE_SHARE: u64 = 10;
/// A machine whose threads wake up so late is busy with something else.
const SCHEDULER_US: u64 = 20_000;
/// Above this share of the processors, calls wait for drover.
const CPU: f64 = 0.9;
/// Threads that wait so much of the time for a processor are held up by others. On two processors with
/// nothing else to do it was 0.32 to 0.51 (drover's own threads wait for each other), with three loops
/// beside them on the one processor that was left 0.87 to 0.91; `benches/verdict.sh` shows it.
const CPU_WAIT: f64 = 0.7;
/// Below this share of the processors waiting for one does not matter, unless threads wake up late.
const CPU_IDLE: f64 = 0.02;
/// At most such a part of the planned items may be missing.
const MISSING_SHARE: u64 = 100;

/// Judges, and says why: one sentence for each reason, what was observed first.
pub fn judge(evidence: &Evidence) -> (Verdict, Vec<String>) {
    let e = evidence;
    if e.silent_us >= e.dead_after_us {
        let why = format!("the target has answered nothing for {}", shown(e.silent_us));
        return (Verdict::TargetDead, vec![why]);
    }
    let mut why = Vec::new();
    let late = LATE_US.max(e.latency_p50_us / LATE_SHARE);
    if e.lateness_p99_us > late {
        why.push(format!(
            "items were written later than intended: p99 {} where {} is the most that does not show",
            shown(e.lateness_p99_us),
            shown(late)
        ));
    }
    if let Some(planned) = e.planned
        && e.written < planned - planned / MISSING_SHARE
    {
        why.push(format!("only {} of {planned} planned items were written", e.written));
    }
    if e.scheduler_p99_us > SCHEDULER_US {
        why.push(format!(
            "threads woke up late: p99 {} after the time they had asked for",
            shown(e.scheduler_p99_us)
        ));
    }
    if e.cpu_share > CPU {
        why.push(format!(
            "this process used {:.0} % of its {} processors",
            e.cpu_share * 100.0,
            e.processors
        ));
    }
    if e.cpu_wait_share > CPU_WAIT && e.cpu_share > CPU_IDLE {
        why.push(format!(
            "its threads waited for a processor in {:.0} % of the time in which they could have run",
            e.cpu_wait_share * 100.0
        ));
    }
    let nearly = |(used, limit): (u64, u64)| used.saturating_mul(10) > limit.saturating_mul(9);
    if let Some((open, limit)) = e.files.filter(|files| nearly(*files)) {
        why.push(format!("{open} of {limit} files were open"));
    }
    if let Some((closing, ports)) = e.closing_sockets.filter(|sockets| nearly(*sockets)) {
        why.push(format!("{closing} closing connections held the machine's {ports} ports"));
    }
    if why.is_empty() {
        why.push(format!(
            "items were written in time (p99 {} late), {:.0} % of the processors were used, threads \
             woke up in time (p99 {} late)",
            shown(e.lateness_p99_us),
            e.cpu_share * 100.0,
            shown(e.scheduler_p99_us)
        ));
        return (Verdict::Valid, why);
    }
    (Verdict::GeneratorBound, why)
}

/// A context that has something to do for such a share of the time is what the rest waits for…
const ONE_BUSY: f64 = 0.9;
/// …if all of them together have no more to do than this.
const OTHERS_BUSY: f64 = 0.6;

/// Judges a phase in which not all was done that came: was it for the target?
pub fn judge_too_much(evidence: &Evidence) -> (Verdict, Vec<String>) {
    let (verdict, why) = judge(evidence);
    match (verdict, evidence.busiest_context, evidence.contexts_busy) {
        (Verdict::Valid, Some(one), Some(all)) if one >= ONE_BUSY && all <= OTHERS_BUSY => {
            let why = format!(
                "the largest context was busy {:.0} % of the time, all of them on the average {:.0} %: \
                 its items, one at a time, are what was waited for (--zipf 0 makes contexts equal)",
                one * 100.0,
                all * 100.0
            );
            (Verdict::PopulationBound, vec![why])
        }
        _ => (verdict, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it is on a machine with nothing else to do.
    fn calm() -> Evidence {
        Evidence {
            planned: Some(1000),
            written: 1000,
            lateness_p99_us: 150,
            latency_p50_us: 3_000,
            latency_p99_us: 9_000,
            scheduler_p99_us: 300,
            cpu_share: 0.2,
            cpu_wait_share: 0.05,
            processors: 2,
            files: Some((40, 1024)),
            closing_sockets: Some((3, 28_232)),
            busiest_context: Some(0.5),
            contexts_busy: Some(0.2),
            silent_us: 200_000,
            dead_after_us: 30_000_000,
        }
    }

    #[test]
    fn a_calm_machine_measures_the_target() {
        assert_eq!(judge(&calm()).0, Verdict::Valid);
        // A slow target is the target's business, however slow.
        let slow = Evidence { latency_p50_us: 20_000_000, latency_p99_us: 60_000_000, ..calm() };
        assert_eq!(judge(&slow).0, Verdict::Valid);
        // Beside seconds, a tenth of one does not show.
        let late = Evidence { lateness_p99_us: 90_000, latency_p50_us: 1_000_000, ..calm() };
        assert_eq!(judge(&late).0, Verdict::Valid);
        assert_eq!(judge(&Evidence { planned: None, ..calm() }).0, Verdict::Valid);
    }

    #[test]
    fn each_way_of_being_too_slow_is_found_and_told() {
        let cases = [
            (Evidence { lateness_p99_us: 15_000, ..calm() }, "later than intended"),
            (Evidence { written: 900, ..calm() }, "only 900 of 1000"),
            (Evidence { scheduler_p99_us: 30_000, ..calm() }, "woke up late"),
            (Evidence { cpu_share: 0.97, ..calm() }, "97 % of its 2 processors"),
            (Evidence { cpu_wait_share: 0.8, ..calm() }, "waited for a processor in 80 %"),
            (Evidence { files: Some((1000, 1024)), ..calm() }, "1000 of 1024 files"),
            (Evidence { closing_sockets: Some((28_000, 28_232)), ..calm() }, "closing connections"),
        ];
        for (evidence, text) in cases {
            let (verdict, why) = judge(&evidence);
            assert_eq!(verdict, Verdict::GeneratorBound, "{text}");
            assert!(why.len() == 1 && why[0].contains(text), "{why:?}");
        }
    }

    #[test]
    fn a_context_that_is_never_idle_among_idle_ones_bounds_the_rate() {
        let crowded = Evidence { busiest_context: Some(0.99), ..calm() };
        let (verdict, why) = judge_too_much(&crowded);
        assert_eq!(verdict, Verdict::PopulationBound);
        assert!(why[0].contains("busy 99 % of the time"), "{why:?}");
        // It is the target's limit if all contexts wait for it.
        let all = Evidence { contexts_busy: Some(0.95), ..crowded.clone() };
        assert_eq!(judge_too_much(&all).0, Verdict::Valid);
        // A machine that is too slow says nothing about either.
        let slow = Evidence { cpu_share: 0.97, ..crowded.clone() };
        assert_eq!(judge_too_much(&slow).0, Verdict::GeneratorBound);
        assert_eq!(judge(&crowded).0, Verdict::Valid);
    }

    #[test]
    fn silence_is_the_targets_end_whatever_else_is_wrong() {
        let dead = Evidence { silent_us: 30_000_000, cpu_share: 0.99, ..calm() };
        let (verdict, why) = judge(&dead);
        assert_eq!(verdict, Verdict::TargetDead);
        assert!(why[0].contains("30.00 s"), "{why:?}");
    }
}
