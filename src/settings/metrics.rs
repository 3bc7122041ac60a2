//! How monitoring reaches a running drover.

use std::net::SocketAddr;

use super::layers::Layers;
use super::problem::BadValue;

/// Section `metrics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// An address at which numbers and health are told to whoever asks, and nothing else.
    pub listen: Option<SocketAddr>,
    /// How many contexts have series of their own at most, the deepest.
    pub contexts: usize,
}

impl Metrics {
    pub(super) fn read(layers: &Layers) -> Result<Self, BadValue> {
        let field = layers.field("metrics.listen");
        let listen = match field.optional_text()? {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| {
                field.refuse("an address with a port", "write one such as 127.0.0.1:9478")
            })?),
        };
        let contexts = layers.field("metrics.contexts").whole(0..=1000)?;
        Ok(Self { listen, contexts: usize::try_from(contexts).unwrap_or(usize::MAX) })
    }
}
