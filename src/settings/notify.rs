//! Who is told when a context stops or recovers.

use std::time::Duration;

use super::layers::Layers;
use super::problem::BadValue;
use crate::hints::Language;
use crate::model::Secret;

/// Section `notify`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// An http or https address to which notifications are posted as JSON. It may hold a token, so it is
    /// a secret.
    pub webhook: Option<Secret>,
    /// A program and its arguments, which is given them as JSON.
    pub command: Vec<String>,
    /// What stands still for so long is told.
    pub after: Duration,
    /// What has not stood still for so long has recovered.
    pub quiet: Duration,
    /// Language of hints.
    pub language: Language,
}

impl Notify {
    pub(super) fn read(layers: &Layers) -> Result<Self, BadValue> {
        let field = layers.field("notify.webhook");
        let webhook = field.secret()?;
        if let Some(url) = &webhook {
            let url = url::Url::parse(url.reveal());
            if !url.is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
                let refused = field.refuse(
                    "an http or https address",
                    "write one such as https://alerts.example.org/drover",
                );
                return Err(BadValue { value: None, ..refused });
            }
        }
        Ok(Self {
            webhook,
            command: layers.field("notify.command").list()?,
            after: layers.field("notify.after_s").seconds_from(0.0)?,
            quiet: layers.field("notify.quiet_s").seconds_from(0.0)?,
            language: layers
                .field("notify.hint_language")
                .choice(&[("en", Language::English), ("de", Language::German)])?,
        })
    }

    /// Whether anybody is told.
    pub fn is_on(&self) -> bool {
        self.webhook.is_some() || !self.command.is_empty()
    }
}
