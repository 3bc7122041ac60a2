//! What the process is told by signals.
//!
//! A thread of its own listens, from the beginning to the end of the process: a signal that comes while
//! one engine has ended and the next has not begun is not lost, and a second one ends the process even
//! if everything else hangs.

use std::io;
use std::thread;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::cli::Exit;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// SIGTERM or SIGINT: drain and end.
    End,
    /// SIGHUP: read the settings again.
    Reload,
}

/// Signals, one after the other.
pub(super) struct Signals(UnboundedReceiver<Told>);

impl Signals {
    /// Listens from now on. `reload`: SIGHUP asks for new settings; otherwise it does what it usually
    /// does to a process.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(super) fn listen(reload: bool) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (mut terminate, mut interrupt, mut hang_up) = {
            let _inside = runtime.enter();
            let hang_up = if reload { Some(signal(SignalKind::hangup())?) } else { None };
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, hang_up)
        };
        let (sender, receiver) = unbounded_channel();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(tell(&mut terminate, &mut interrupt, hang_up.as_mut(), &sender));
        })?;
        Ok(Self(receiver))
    }

    /// The next one; never, if there is nobody left who could tell.
    pub(super) async fn next(&mut self) -> Told {
        match self.0.recv().await {
            Some(told) => told,
            None => std::future::pending().await,
        }
    }
}

async fn tell(
    terminate: &mut Signal,
    interrupt: &mut Signal,
    mut hang_up: Option<&mut Signal>,
    sender: &UnboundedSender<Told>,
) {
    let mut ending = false;
    loop {
        let reload = async {
            match hang_up.as_mut() {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        let told = tokio::select! {
            _ = terminate.recv() => Told::End,
            _ = interrupt.recv() => Told::End,
            _ = reload => Told::Reload,
        };
        if told == Told::End && std::mem::replace(&mut ending, true) {
            tracing::warn!("told twice to end; what runs is done again after the next start");
            std::process::exit(i32::from(Exit::Done.code()));
        }
        // Nobody listens any more: the process is about to end.
        if sender.send(told).is_err() && told == Told::Reload {
            tracing::debug!("a reload came too late");
        }
    }
}
