//! `drover lint`: what is wrong with a source, without asking OX.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Exit;
use super::data::{DataArgs, complain};
use crate::lint::{LintError, Linter, Report, Severity};
use crate::settings::Settings;

/// Flags of `drover lint`.
#[derive(Debug, Clone, Args)]
pub struct LintArgs {
    /// Folders of queue files or last known states, single ones, or files of desired state [default: what
    /// drover knows, and the queue].
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Which data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// A domain that mail addresses may be in; can be given several times [default: any].
    #[arg(long = "mail-domain", value_name = "DOMAIN")]
    pub domains: Vec<String>,
    /// Findings of one kind that are shown at most; 0 = all.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub most: usize,
    /// Print one JSON object for each finding, and one with the sums.
    #[arg(long)]
    pub json: bool,
}

/// Looks, and tells what was found.
///
/// # Errors
/// If it cannot be printed.
pub fn run(args: &LintArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let linter = Linter::new(settings, &args.domains);
    let report = match linter.and_then(|linter| linter.run(settings, &args.paths)) {
        Ok(report) => report,
        Err(error) => return Ok(failed(error)),
    };
    let mut out = io::stdout().lock();
    if args.json {
        for finding in &report.findings {
            writeln!(out, "{}", serde_json::to_string(finding)?)?;
        }
        let counts = Severity::ALL.map(|severity| (severity.word(), count(&report, severity)));
        let counts: BTreeMap<_, _> = counts.into_iter().collect();
        writeln!(out, "{}", json!({"objects": report.objects, "findings": counts}))?;
    } else {
        out.write_all(as_text(&report, args.most).as_bytes())?;
    }
    Ok(if count(&report, Severity::Error) > 0 { Exit::Faulty } else { Exit::Done })
}

fn count(report: &Report, severity: Severity) -> usize {
    report.findings.iter().filter(|finding| finding.severity == severity).count()
}

fn as_text(report: &Report, most: usize) -> String {
    let mut lines = Vec::new();
    for group in report.findings.chunk_by(|a, b| (a.severity, a.check) == (b.severity, b.check)) {
        let shown = if most == 0 { group.len() } else { group.len().min(most) };
        for finding in group.iter().take(shown) {
            let kind = finding.kind.map_or_else(String::new, |kind| format!("{kind} "));
            let cure =
                if finding.cure.is_empty() { String::new() } else { format!("; {}", finding.cure) };
            let (severity, check) = (finding.severity.word(), finding.check);
            lines.push(format!(
                "{severity} ({check}): {kind}{}: {}{cure}",
                finding.place, finding.told
            ));
        }
        if shown < group.len() {
            let (rest, check) = (group.len() - shown, group[0].check);
            lines.push(format!("  and {rest} more of these ({check}); --most 0 shows all"));
        }
    }
    let objects: usize = report.objects.values().sum();
    let [notices, warnings, errors] = Severity::ALL.map(|severity| count(report, severity));
    lines.push(format!(
        "objects: {objects}, errors: {errors}, warnings: {warnings}, notices: {notices}\n"
    ));
    lines.join("\n")
}

fn failed(error: LintError) -> Exit {
    let exit = match &error {
        LintError::Store(_) | LintError::Queue(_) => Exit::DataDir,
        LintError::Mapping(_) | LintError::Profiles(_) => Exit::Settings,
        LintError::Unreadable { .. } | LintError::Apply(_) => Exit::Input,
    };
    complain(&format!("{:#}", anyhow::Error::new(error)));
    exit
}
