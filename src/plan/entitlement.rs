//! Access profiles by name, as of a place in the queue.

use std::collections::BTreeMap;

use super::Problem;
use crate::model::{ItemName, ModuleAccess};
use crate::store::ProfileVersion;

/// All access profiles that are known: those of the directory with their history, those of the local
/// file, those that drover brings along; in this order of precedence.
#[derive(Debug, Clone, Default)]
pub struct ProfileBook {
    directory: BTreeMap<String, Vec<(ItemName, Option<ModuleAccess>)>>,
    file: BTreeMap<String, ModuleAccess>,
    shipped: BTreeMap<String, ModuleAccess>,
}

impl ProfileBook {
    /// A book with the profiles of the local file and those that drover brings along.
    pub fn new(
        file: impl IntoIterator<Item = (String, ModuleAccess)>,
        shipped: impl IntoIterator<Item = (String, ModuleAccess)>,
    ) -> Self {
        Self {
            directory: BTreeMap::new(),
            file: file.into_iter().collect(),
            shipped: shipped.into_iter().collect(),
        }
    }

    /// Adds what a directory object said at a place in the queue. Adding it twice changes nothing.
    pub fn add(&mut self, version: &ProfileVersion) {
        let versions = self.directory.entry(version.name.clone()).or_default();
        versions.retain(|(since, _)| *since != version.since);
        versions.push((version.since.clone(), version.access));
        versions.sort_by(|a, b| a.0.cmp(&b.0));
    }

    /// The rights of a profile for an item at that place.
    ///
    /// A name that was not known there but is now counts as now: in a first load a user may well
    /// come before his profile. A version whose rights exclude each other counts for nothing.
    ///
    /// # Errors
    /// [`Problem::UnknownProfile`] with the known names and a near miss;
    /// [`Problem::ImpossibleProfile`] if OX would refuse it for everybody.
    pub fn resolve(&self, name: &str, at: &ItemName) -> Result<ModuleAccess, Problem> {
        let name = name.trim();
        if let Some(versions) = self.directory.get(name) {
            let mut good = versions.iter().rev().filter(|(_, access)| possible(*access));
            let newest = good.clone().next();
            if let Some((_, Some(access))) = good.find(|(since, _)| since <= at) {
                return Ok(*access);
            }
            if let Some((_, Some(access))) = newest {
                return Ok(*access);
            }
            if let (None, Some((_, Some(access)))) = (newest, versions.last()) {
                return as_possible(name, *access);
            }
            // Deleted in the directory: the file still names it only until it is written again.
        } else if let Some(access) = self.file.get(name) {
            return as_possible(name, *access);
        }
        if let Some(access) = self.shipped.get(name) {
            return Ok(*access);
        }
        Err(self.unknown(name))
    }

    /// The names that can be resolved now, sorted.
    pub fn names(&self) -> Vec<&str> {
        let live =
            self.directory.iter().filter(|(_, v)| v.last().is_some_and(|(_, a)| a.is_some()));
        let file = self.file.keys().filter(|name| !self.directory.contains_key(*name));
        let mut names: Vec<&str> = live.map(|(name, _)| name.as_str()).collect();
        names.extend(file.map(String::as_str));
        names.extend(self.shipped.keys().map(String::as_str));
        names.sort_unstable();
        names.dedup();
        names
    }

    fn unknown(&self, name: &str) -> Problem {
        let names = self.names();
        let near = names
            .iter()
            .map(|known| {
                (strsim::damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase()), *known)
            })
            .min()
            .filter(|(distance, known)| *distance <= 1 + known.chars().count() / 4);
        Problem::UnknownProfile {
            name: name.to_owned(),
            suggestion: near.map(|(_, n)| format!(", did you mean \"{n}\"?")).unwrap_or_default(),
            known: names.join(", "),
        }
    }
}

/// Whether OX grants these rights together; a deletion is no trouble.
fn possible(access: Option<ModuleAccess>) -> bool {
    access.is_none_or(|access| access.contradiction().is_none())
}

fn as_possible(name: &str, access: ModuleAccess) -> Result<ModuleAccess, Problem> {
    match access.contradiction() {
        None => Ok(access),
        Some(why) => Err(Problem::ImpossibleProfile { name: name.to_owned(), why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObjectId;

    fn version(name: &str, since: &str, words: Option<&[&str]>) -> ProfileVersion {
        ProfileVersion {
            object: ObjectId::new("p"),
            name: name.to_owned(),
            since: ItemName::new(since),
            access: words.map(|w| ModuleAccess::from_words(w.iter().copied()).unwrap()),
        }
    }

    #[test]
    fn an_item_sees_the_profile_as_of_its_own_place() {
        let mut book = ProfileBook::default();
        book.add(&version("pim", "2025-01-01-00-00-02.json", Some(&["webmail"])));
        book.add(&version("pim", "2025-01-01-00-00-04.json", Some(&["webmail", "calendar"])));
        let words = |at: &str| book.resolve("pim", &ItemName::new(at)).unwrap().words().len();
        assert_eq!(words("2025-01-01-00-00-03.json"), 1);
        assert_eq!(words("2025-01-01-00-00-05.json"), 2);
        assert_eq!(words("2025-01-01-00-00-01.json"), 2, "not known then: as it is now");
    }

    #[test]
    fn a_version_that_ox_would_refuse_counts_for_nothing() {
        let both = ["globaladdressbookdisabled", "delegatetask"];
        let access = ModuleAccess::from_words(both).unwrap();
        let mut book = ProfileBook::new([("local".to_owned(), access)], []);
        book.add(&version("lab", "b.json", Some(&both)));
        for name in ["lab", "local"] {
            let problem = book.resolve(name, &ItemName::new("z.json")).unwrap_err();
            assert!(matches!(problem, Problem::ImpossibleProfile { .. }), "{problem}");
            assert!(problem.to_string().contains("delegatetask beside"), "{problem}");
        }
        book.add(&version("lab", "a.json", Some(&["webmail"])));
        let words = |at: &str| book.resolve("lab", &ItemName::new(at)).unwrap().words().len();
        assert_eq!(
            (words("c.json"), words("a.json"), words("0.json")),
            (1, 1, 1),
            "the last good one"
        );
    }

    #[test]
    fn an_unknown_profile_is_told_with_the_near_miss() {
        let mut book = ProfileBook::new([], [("webmail".to_owned(), ModuleAccess::NONE)]);
        book.add(&version("groupware", "a.json", Some(&[])));
        let problem = book.resolve("gruopware", &ItemName::new("b.json")).unwrap_err().to_string();
        assert!(problem.contains("did you mean \"groupware\"?"), "{problem}");
        assert!(problem.contains("groupware, webmail"), "{problem}");
        assert!(book.resolve("webmail", &ItemName::new("a")).is_ok());
        book.add(&version("groupware", "c.json", None));
        assert!(book.resolve("groupware", &ItemName::new("d.json")).is_err(), "deleted");
    }
}
