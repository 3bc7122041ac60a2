//! Whether last known states are laid down as the OX Connector does.

use std::path::Path;

use super::layers::Layers;
use super::problem::BadValue;

/// The connector's own data folder on UCS.
const CONNECTOR: &str = "/var/lib/univention-appcenter/apps/ox-connector/data";

/// Section `mirror`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mirror {
    /// Yes, no, or none: where the connector did so.
    pub enabled: Option<bool>,
}

impl Mirror {
    pub(super) fn read(layers: &Layers) -> Result<Self, BadValue> {
        let choices = [("auto", None), ("true", Some(true)), ("false", Some(false))];
        Ok(Self { enabled: layers.field("mirror.enabled").choice(&choices)? })
    }

    /// Whether the folder `old` of that data folder is a mirror.
    pub fn is_on(self, data_dir: &Path, old: &Path) -> bool {
        self.enabled.unwrap_or_else(|| old.is_dir() || data_dir == Path::new(CONNECTOR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_its_own_it_is_on_where_the_connector_has_been() {
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("listener/old");
        let auto = Mirror { enabled: None };
        assert!(!auto.is_on(dir.path(), &old));
        assert!(Mirror { enabled: Some(true) }.is_on(dir.path(), &old));
        assert!(auto.is_on(Path::new(CONNECTOR), &old));
        std::fs::create_dir_all(&old).unwrap();
        assert!(auto.is_on(dir.path(), &old));
        assert!(!Mirror { enabled: Some(false) }.is_on(dir.path(), &old));
    }
}
