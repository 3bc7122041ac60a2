//! Names that OX takes, for those that it does not.

/// What OX refuses in names of users, groups and resources unless its settings say otherwise.
fn is_taken(c: char, blanks: bool) -> bool {
    c.is_ascii_alphanumeric() || "$@%.+_-".contains(c) || (blanks && c == ' ')
}

/// Whether OX takes a name as it is in its shipped settings; `blanks`: groups and resources may have them.
pub fn is_legal(name: &str, blanks: bool) -> bool {
    !name.is_empty() && name.chars().all(|c| is_taken(c, blanks))
}

/// The characters of a name that OX refuses in its shipped settings, each once.
pub fn illegal_in(name: &str, blanks: bool) -> String {
    let mut found = String::new();
    for c in name.chars().filter(|c| !is_taken(*c, blanks)) {
        if !found.contains(c) {
            found.push(c);
        }
    }
    found
}

/// The name with other letters for those that OX refuses: German ones and accents as they are usually
/// written without, `_` for all else. The same name always gives the same; two names may give one.
pub fn slug(name: &str, blanks: bool) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if is_taken(c, blanks) {
            out.push(c);
        } else {
            out.push_str(instead(c));
        }
    }
    out
}

fn instead(c: char) -> &'static str {
    match c {
        'ä' | 'æ' => "ae",
        'ö' | 'œ' | 'ø' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'Ä' | 'Æ' => "Ae",
        'Ö' | 'Œ' | 'Ø' => "Oe",
        'Ü' => "Ue",
        'ẞ' => "SS",
        'à' | 'á' | 'â' | 'ã' | 'ā' | 'ă' | 'ą' => "a",
        'å' => "aa",
        'À' | 'Á' | 'Â' | 'Ã' | 'Ā' | 'Ă' | 'Ą' => "A",
        'Å' => "Aa",
        'ç' | 'ć' | 'č' => "c",
        'Ç' | 'Ć' | 'Č' => "C",
        'ď' | 'đ' | 'ð' => "d",
        'Ď' | 'Đ' | 'Ð' => "D",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'È' | 'É' | 'Ê' | 'Ë' | 'Ē' | 'Ė' | 'Ę' | 'Ě' => "E",
        'ğ' | 'ģ' => "g",
        'Ğ' | 'Ģ' => "G",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => "i",
        'Ì' | 'Í' | 'Î' | 'Ï' | 'Ī' | 'Į' | 'İ' => "I",
        'ķ' => "k",
        'Ķ' => "K",
        'ł' | 'ľ' | 'ļ' => "l",
        'Ł' | 'Ľ' | 'Ļ' => "L",
        'ñ' | 'ń' | 'ň' | 'ņ' => "n",
        'Ñ' | 'Ń' | 'Ň' | 'Ņ' => "N",
        'ò' | 'ó' | 'ô' | 'õ' | 'ō' | 'ő' => "o",
        'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ō' | 'Ő' => "O",
        'ř' => "r",
        'Ř' => "R",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'Ś' | 'Š' | 'Ş' | 'Ș' => "S",
        'ť' | 'ţ' | 'ț' => "t",
        'Ť' | 'Ţ' | 'Ț' => "T",
        'þ' => "th",
        'Þ' => "Th",
        'ù' | 'ú' | 'û' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'Ù' | 'Ú' | 'Û' | 'Ū' | 'Ů' | 'Ű' | 'Ų' => "U",
        'ý' | 'ÿ' => "y",
        'Ý' | 'Ÿ' => "Y",
        'ź' | 'ż' | 'ž' => "z",
        'Ź' | 'Ż' | 'Ž' => "Z",
        // Combining marks go with the letter before them.
        '\u{300}'..='\u{36f}' => "",
        _ => "_",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_such_as_ox_takes_and_legal_ones_stay() {
        for (name, blanks, expected) in [
            ("anna.berg", false, "anna.berg"),
            ("Öffentlichkeit & Presse", true, "Oeffentlichkeit _ Presse"),
            ("jörg müller", false, "joerg_mueller"),
            ("Straße 5/2", true, "Strasse 5_2"),
            ("Łukasz", false, "Lukasz"),
            ("e\u{301}lan", false, "elan"),
            ("木", true, "_"),
        ] {
            assert_eq!(slug(name, blanks), expected, "{name}");
            assert!(is_legal(expected, blanks));
            assert_eq!(is_legal(name, blanks), illegal_in(name, blanks).is_empty());
        }
    }

    proptest::proptest! {
        #[test]
        fn a_slug_is_legal_and_its_own_slug(name in "\\PC{1,20}", blanks: bool) {
            let once = slug(&name, blanks);
            proptest::prop_assert!(once.chars().all(|c| is_taken(c, blanks)));
            proptest::prop_assert_eq!(slug(&once, blanks), once);
        }
    }
}
