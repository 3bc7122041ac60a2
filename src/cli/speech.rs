//! In which language a command tells what faults mean.

use clap::Args;

use crate::hints::Language;

/// Flag of commands that tell of faults.
#[derive(Debug, Clone, Default, Args)]
pub struct SpeechArgs {
    /// Language of what faults mean and what to do: en or de [default: as LC_ALL, LC_MESSAGES or LANG
    /// say].
    #[arg(long, global = true, value_name = "LANGUAGE", value_parser = language)]
    language: Option<Language>,
}

impl SpeechArgs {
    /// The language that is wanted.
    pub(super) fn language(&self) -> Language {
        self.language.unwrap_or_else(|| {
            Language::of_environment(
                &std::env::vars_os()
                    .filter_map(|(name, value)| {
                        Some((name.into_string().ok()?, value.into_string().ok()?))
                    })
                    .collect(),
            )
        })
    }
}

fn language(word: &str) -> Result<Language, String> {
    match word {
        "en" => Ok(Language::English),
        "de" => Ok(Language::German),
        _ => Err("expected en or de".to_owned()),
    }
}
