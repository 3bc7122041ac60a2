//! Invented people and firms, and the forms in which their names occur.

use std::collections::BTreeSet;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

pub(crate) const FIRST_NAMES: &[&str] = &[
    "Anna", "Jürgen", "Ayşe", "Bruno", "Clara", "Dieter", "Émile", "Frieda", "Günther", "Hanna",
    "Ines", "Jörg", "Käthe", "Lech", "Łucja", "Mehmet", "Nadja", "Øystein", "Paula", "Quirin",
    "Renée", "Søren", "Tülay", "Ulrike", "Víctor", "Wiebke", "Xenia", "Yusuf", "Zoë", "Åsa",
    "Björn", "Chiara", "Dörte", "Enno", "Fatma", "Gerrit", "Heike", "Igor", "Jutta", "Klaus",
    "Levke", "Marek", "Nuno", "Oda", "Piotr", "Ragna", "Sabine", "Timo", "Ute", "Veit", "Wanda",
    "Imke", "Hauke", "Bettina", "Carlos", "Dana", "Erik", "Femke", "Giorgos", "Hülya",
];

pub(crate) const LAST_NAMES: &[&str] = &[
    "Müller",
    "Berg",
    "Kern",
    "Voss",
    "Ohne",
    "Kurz",
    "Lang",
    "Weiß",
    "Groß",
    "Jäger",
    "Köhler",
    "Schröder",
    "Öztürk",
    "Nowak",
    "Kowalska",
    "O'Neill",
    "D'Angelo",
    "Sørensen",
    "Åkesson",
    "Ibáñez",
    "García",
    "Lefèvre",
    "Dvořák",
    "Horák",
    "Țepeș",
    "Yıldız",
    "Çelik",
    "Becker",
    "Hansen",
    "Petersen",
    "Brodersen",
    "Feddersen",
    "Thießen",
    "Brückner",
    "Lübbers",
    "Schäfer",
    "Vogel",
    "Winter",
    "Sommer",
    "Krüger",
    "Böhm",
    "Fuchs",
    "Hahn",
    "Keller",
    "Lorenz",
    "Möller",
    "Nielsen",
    "Otto",
    "Pohl",
    "Quast",
    "Roth",
    "Seidel",
    "Ullrich",
    "Wolff",
    "Zeller",
    "Ahrens",
    "Bruns",
    "Claussen",
    "Dierks",
    "Ebert",
];

const FIRMS: &[&str] = &[
    "heidehof",
    "nordwind",
    "sonnenberg",
    "moorbad",
    "deichgraf",
    "buchenhain",
    "altstadt",
    "muehlbach",
    "hafenkontor",
    "bienenkorb",
    "kiefernweg",
    "marschland",
    "seeblick",
    "torfwerk",
    "wiesengrund",
    "leuchtturm",
    "eichenallee",
    "kranich",
    "fjordhaus",
    "bergwerk",
];

/// What the people of a firm work in; also the start of group names, so some are hard to quote.
const TEAMS: &[&str] = &[
    "Vertrieb",
    "Buchhaltung",
    "Küche & Catering",
    "Empfang",
    "Größe <L>",
    "Team \"Süd\"",
    "Projekt Ärmelkanal",
    "Werkstatt",
    "Forschung > Entwicklung",
    "Qualität",
    "L'équipe",
    "Betriebsrat",
];

const DEPARTMENTS: &[&str] = &[
    "Einkauf",
    "Vertrieb Süd",
    "Forschung & Entwicklung",
    "Qualität <Prüfung>",
    "IT",
    "Küche",
    "Geschäftsführung",
];

const NOTES: &[&str] = &[
    "Bees & bogs <north>",
    "montags im \"Homeoffice\"",
    "Schlüssel für Raum 3'4\"",
    "spricht Dänisch, Plattdeutsch und Łużycki",
    "1 < 2 && 3 > 2",
    "Zeile eins\nZeile zwei",
];

const THINGS: &[&str] =
    &["beamer", "raum-elbe", "raum-weser", "lastenrad", "dienstwagen", "flipchart"];

/// Hands out names that no one else in the directory has.
#[derive(Debug, Default)]
pub(super) struct Names {
    logins: BTreeSet<String>,
    shown: BTreeSet<String>,
    other: BTreeSet<String>,
}

/// A person's names.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) first: String,
    pub(super) last: String,
    pub(super) display: String,
    pub(super) login: String,
}

impl Names {
    /// A new person. Common names make double names, then numbers.
    pub(super) fn person(&mut self, rng: &mut ChaCha8Rng) -> Person {
        let first = pick(rng, FIRST_NAMES).to_owned();
        let last = pick(rng, LAST_NAMES).to_owned();
        self.complete(first, last, rng)
    }

    /// The same first name with another last name.
    pub(super) fn renamed(&mut self, person: &Person, rng: &mut ChaCha8Rng) -> Person {
        let last = pick(rng, LAST_NAMES).to_owned();
        self.complete(person.first.clone(), last, rng)
    }

    fn complete(&mut self, first: String, last: String, rng: &mut ChaCha8Rng) -> Person {
        let mut last = last;
        let mut login = format!("{}.{}", ascii(&first), ascii(&last));
        if self.logins.contains(&login) {
            last = format!("{last}-{}", pick(rng, LAST_NAMES));
            login = format!("{}.{}", ascii(&first), ascii(&last));
        }
        let login = unique(&mut self.logins, &login, "");
        let display = match rng.random_range(0..12) {
            0 => format!("{first} {last} <{}>", pick(rng, TEAMS)),
            1 => format!("{first} \"{}\" {last}", &login[..1]),
            2 => format!("{last}, {first} & Co."),
            _ => format!("{first} {last}"),
        };
        let display = unique(&mut self.shown, &display, " ");
        Person { first, last, display, login }
    }

    /// A team's name; unique without regard to case, as OX and the directory want it.
    pub(super) fn team(&mut self, rng: &mut ChaCha8Rng, firm: &str) -> String {
        let name = format!("{} {firm}", pick(rng, TEAMS));
        unique(&mut self.other, &name, " ")
    }

    /// Name of a resource.
    pub(super) fn thing(&mut self, rng: &mut ChaCha8Rng, firm: &str) -> String {
        unique(&mut self.other, &format!("{}-{firm}", pick(rng, THINGS)), "-")
    }

    /// Name of a functional account.
    pub(super) fn desk(&mut self, rng: &mut ChaCha8Rng) -> String {
        let word = pick(rng, &["helpdesk", "info", "presse", "bewerbung", "rechnung"]);
        unique(&mut self.other, word, "-")
    }
}

/// Name of the firm in a context; good as a context's name and as a label of a mail domain.
pub(super) fn firm(context: u32) -> String {
    let index = context as usize % FIRMS.len();
    format!("{}-{context}", FIRMS[index])
}

pub(super) fn department(rng: &mut ChaCha8Rng) -> String {
    pick(rng, DEPARTMENTS).to_owned()
}

pub(super) fn note(rng: &mut ChaCha8Rng) -> String {
    pick(rng, NOTES).to_owned()
}

pub(super) fn phone(rng: &mut ChaCha8Rng) -> String {
    format!("+49 5191 {}", rng.random_range(100..9999))
}

pub(super) fn mobile(rng: &mut ChaCha8Rng) -> String {
    format!("+49 170 555{:04}", rng.random_range(0..10_000))
}

fn pick<'a>(rng: &mut ChaCha8Rng, list: &[&'a str]) -> &'a str {
    list.choose(rng).copied().unwrap_or_default()
}

/// `wanted`, or with the first number from 2 that makes it new.
fn unique(taken: &mut BTreeSet<String>, wanted: &str, gap: &str) -> String {
    let mut name = wanted.to_owned();
    let mut number = 2;
    while !taken.insert(name.to_lowercase()) {
        name = format!("{wanted}{gap}{number}");
        number += 1;
    }
    name
}

/// A name in the letters that OX allows in logins.
fn ascii(name: &str) -> String {
    let mut out = String::new();
    for letter in name.to_lowercase().chars() {
        match letter {
            'a'..='z' | '0'..='9' | '-' => out.push(letter),
            'ä' => out.push_str("ae"),
            'ö' | 'ø' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'ß' => out.push_str("ss"),
            'å' | 'á' => out.push('a'),
            'é' | 'è' | 'ë' => out.push('e'),
            'í' | 'ı' => out.push('i'),
            'ł' => out.push('l'),
            'ñ' => out.push('n'),
            'ç' => out.push('c'),
            'ř' => out.push('r'),
            'ş' | 'ș' => out.push('s'),
            'ț' => out.push('t'),
            'ž' => out.push('z'),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn logins_are_new_and_in_the_letters_that_ox_allows() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut names = Names::default();
        let mut seen = BTreeSet::new();
        for _ in 0..6_000 {
            let person = names.person(&mut rng);
            assert!(person.login.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)));
            assert!(person.login.len() < 60, "{}", person.login);
            assert!(seen.insert(person.login));
        }
    }

    #[test]
    fn no_letter_is_lost_on_the_way_to_a_login() {
        for name in FIRST_NAMES.iter().chain(LAST_NAMES) {
            let letters = name.chars().filter(|c| c.is_alphabetic()).count();
            assert!(ascii(name).len() >= letters, "{name} became {}", ascii(name));
        }
    }
}
