//! drover's own machine.

use super::super::Entry;
use super::super::when::own;
use super::both;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "queue-file-unreadable",
        when: &[own(&["cannot read queue file *", "cannot remove queue file *"])],
        means: both(
            "drover may not read or remove a file of the queue.",
            "drover darf eine Datei der Warteschlange nicht lesen oder entfernen.",
        ),
        cure: both(
            "Give drover's user the file and its folder (chown), or look at the disk.",
            "Datei und Ordner drovers Benutzer geben (chown), oder die Platte ansehen.",
        ),
    },
    Entry {
        code: "profiles-file",
        when: &[own(&["cannot write */ModuleAccessDefinitions.properties: *"])],
        means: both(
            "The file of access profiles cannot be written.",
            "Die Datei der Zugriffsprofile lässt sich nicht schreiben.",
        ),
        cure: both(
            "Check the disk, and owner and mode of the data folder.",
            "Die Platte prüfen, und Eigentümer und Rechte des Datenordners.",
        ),
    },
    Entry {
        code: "memory",
        when: &[own(&[
            "cannot * the state database: *",
            "cannot * the state database's file *",
            "the state database *",
            "cannot record *",
        ])],
        means: both(
            "drover's own memory (drover.db) cannot be read or written. Nothing is acknowledged any \
             more, so nothing is lost.",
            "drovers eigenes Gedächtnis (drover.db) lässt sich nicht lesen oder schreiben. Es wird \
             nichts mehr quittiert, also geht nichts verloren.",
        ),
        cure: both(
            "Check the disk (full, read-only, broken), then start drover again.",
            "Die Platte prüfen (voll, schreibgeschützt, defekt), dann drover neu starten.",
        ),
    },
    Entry {
        code: "drover-bug",
        when: &[own(&[
            "drover itself failed at this item *",
            "drover does not come to an end with this object; *",
            "not an item",
        ])],
        means: both(
            "This is a bug in drover. The item stands still, all else goes on.",
            "Das ist ein Fehler in drover. Das Element bleibt stehen, alles andere geht weiter.",
        ),
        cure: both(
            "Please report it with the log lines around it; park the item, or drop it.",
            "Bitte mit den Logzeilen drumherum melden; das Element beiseitelegen oder verwerfen.",
        ),
    },
    Entry {
        code: "interrupted",
        when: &[own(&[
            "the search for a group's members was interrupted",
            "the look-up of a member's number was interrupted",
        ])],
        means: both(
            "drover was interrupted in the middle of a look-up.",
            "drover wurde mitten in einer Suche unterbrochen.",
        ),
        cure: both(
            "Nothing is to be done: drover tries again by itself.",
            "Es ist nichts zu tun: drover versucht es von selbst wieder.",
        ),
    },
    Entry {
        code: "no-random-numbers",
        when: &[own(&["the system gives no random numbers: *"])],
        means: both(
            "The system gives no random numbers, so no password can be made.",
            "Das System gibt keine Zufallszahlen, also kann kein Passwort erzeugt werden.",
        ),
        cure: both(
            "Check that drover may read random numbers (getrandom, /dev/urandom) where it runs.",
            "Prüfen, ob drover in seiner Umgebung Zufallszahlen lesen darf (getrandom, /dev/urandom).",
        ),
    },
];
