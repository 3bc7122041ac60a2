//! Exit codes: what scripts and supervisors can rely on.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// drover itself failed; a bug, or a machine in trouble.
    Internal = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// Some items are faulty and wait for somebody to mend them; the others are done. Of a takeover:
    /// something has to be looked after, the rest is taken over.
    Faulty = 3,
    /// OX could not be reached, or not for long enough.
    Unreachable = 4,
    /// The settings cannot be used.
    Settings = 5,
    /// The data directory cannot be used, or another drover has it.
    DataDir = 6,
    /// The result of a demo or a simulation is not what it should be; what was compared differs.
    Differs = 7,
    /// The ledger is damaged, or an item is not accounted for.
    Gap = 8,
    /// Nothing is known of what was asked for.
    Nothing = 9,
    /// OX answers, but something there is not as drover needs it: a login, a context, a service.
    NotReady = 10,
    /// A plan has something to do.
    Changes = 11,
    /// The files that were given cannot be used.
    Input = 12,
    /// No drover runs that could be asked.
    NoService = 13,
    /// The running drover does not do that, or it was not confirmed; nothing was done.
    Refused = 14,
    /// A load run did not reach what it had to.
    Missed = 15,
    /// A load run has measured the machine that made the load instead of the target.
    GeneratorBound = 16,
}

impl Exit {
    /// The number the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The codes as text, for the help.
pub(super) const TEXT: &str = "\
Exit codes:
  0  done
  1  internal error
  2  usage
  3  some items are faulty; something is to be looked after (takeover, export)
  4  OX cannot be reached
  5  settings cannot be used
  6  data directory unusable or locked
  7  result differs (demo, simulate, compare)
  8  ledger damaged or incomplete (ledger)
  9  nothing is known of it, or nothing fits (history, queue, context, resync)
  10 OX answers, but is not as drover needs it (config check)
  11 there is something to do (apply --plan)
  12 the files cannot be used (apply, load replay, load compare, anonymise)
  13 no drover runs that could be asked (context, queue, explain, resync, cache)
  14 refused, or not confirmed; nothing was done (context, queue, resync, cache)
  15 a threshold is not kept (load)
  16 the machine that made the load was too slow for it (load)";
