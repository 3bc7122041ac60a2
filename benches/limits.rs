//! The limit of calls that is found, against fixed ones, over SOAP and a simulated OX with a
//! capacity curve. Real time on a real machine, so it prints ratios and asserts nothing:
//!
//! ```text
//! cargo bench --bench limits                     # the measured curve
//! cargo bench --bench limits -- 1:1,2:2,4:2,8:1  # another one, see `drover sim --help`
//! ```
#![expect(clippy::print_stdout, reason = "its report is its purpose")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use drover::model::{ContextId, Secret};
use drover::ox::{
    Account, ClientSettings, CredentialSource, Credentials, GroupData, OxApi, SoapClient, Target,
};
use drover::sim::{Capacity, Config, Handle, SeedContext};

/// Contexts, each with one call at a time.
const CONTEXTS: u32 = 24;
/// Time for the search, and time that is measured.
const WARM_UP: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(10);

struct Key;

impl CredentialSource for Key {
    fn credentials(&self, _: Account) -> Result<Option<Credentials>, String> {
        let password = Secret::new("secret");
        Ok(Some(Credentials { login: "oxadmin".to_owned(), password }))
    }
}

fn main() -> anyhow::Result<()> {
    let curve = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let curve: Capacity =
        curve.as_deref().unwrap_or("measured").parse().map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut best: f64 = 0.0;
    for limit in [1, 2, 3, 4, 6, 8, 12, 16] {
        let (rate, _) = runtime.block_on(rate(&curve, limit, false))?;
        println!("fixed {limit:>2}: {rate:>6.1} calls a second");
        best = best.max(rate);
    }
    let (rate, limit) = runtime.block_on(rate(&curve, 16, true))?;
    println!(
        "found {limit:>2}: {rate:>6.1} calls a second, {:.1} % of the best",
        100.0 * rate / best
    );
    Ok(())
}

/// Calls a second after the warm-up, and the limit at the end.
async fn rate(curve: &Capacity, cap: usize, adaptive: bool) -> anyhow::Result<(f64, usize)> {
    let sim: Handle = drover::sim::start(Config {
        contexts: (1..=CONTEXTS).map(SeedContext::new).collect(),
        ..Config::default()
    })?;
    let mut settings = ClientSettings::new(sim.base_url().parse()?);
    settings.adaptive = adaptive;
    settings.max_in_flight = NonZeroUsize::new(cap).unwrap_or(NonZeroUsize::MIN);
    let client = Arc::new(SoapClient::new(&settings, Arc::new(Key), None)?);
    let group = GroupData { name: "team".into(), display_name: "T".into(), members: Vec::new() };
    for context in 1..=CONTEXTS {
        client.group_create(ContextId(context), &group).await?;
    }
    sim.set_capacity(Some(curve.clone()));
    let calls = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + if adaptive { WARM_UP + MEASURED } else { MEASURED };
    let workers: Vec<_> = (1..=CONTEXTS)
        .map(|context| {
            let (client, calls, group) = (Arc::clone(&client), Arc::clone(&calls), group.clone());
            tokio::spawn(async move {
                let target = Target::Name(group.name.clone());
                while Instant::now() < end {
                    client.group_change(ContextId(context), &target, &group).await?;
                    calls.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), drover::ox::OxError>(())
            })
        })
        .collect();
    if adaptive {
        tokio::time::sleep(WARM_UP).await;
    }
    let (before, start) = (calls.load(Ordering::Relaxed), Instant::now());
    for worker in workers {
        worker.await??;
    }
    let done = u32::try_from(calls.load(Ordering::Relaxed) - before)?;
    Ok((f64::from(done) / start.elapsed().as_secs_f64(), client.gates().snapshot().calls.limit))
}
