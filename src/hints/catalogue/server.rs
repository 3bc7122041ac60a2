//! OX's own state.

use super::super::Entry;
use super::super::when::{garbled, own, refused};
use super::both;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "context-locked",
        when: &[refused("", &["User update conflict: *"])],
        means: both(
            "Somebody else is writing users of this context; OX lets one at a time. Nothing was \
             changed.",
            "Jemand anders schreibt gerade Benutzer dieses Kontextes; OX lässt nur einen zugleich. \
             Geändert wurde nichts.",
        ),
        cure: both(
            "Nothing is to be done: drover tries again by itself. If it does not end, find what else \
             provisions here: a second connector, a script, a restore.",
            "Es ist nichts zu tun: drover versucht es von selbst wieder. Hört es nicht auf, suchen, was \
             hier noch provisioniert: ein zweiter Connector, ein Skript, eine Wiederherstellung.",
        ),
    },
    Entry {
        code: "database-deadlock",
        when: &[refused(
            "",
            &["*Deadlock found when trying to get lock*", "*Lock wait timeout exceeded*"],
        )],
        means: both(
            "OX's database has given up one of two writers that waited for each other. Nothing was \
             changed.",
            "Die Datenbank von OX hat einen von zwei Schreibern aufgegeben, die aufeinander warteten. \
             Geändert wurde nichts.",
        ),
        cure: both(
            "Nothing is to be done: drover tries again by itself, and asks less at once. If it happens \
             often, lower limits.max_in_flight.",
            "Es ist nichts zu tun: drover versucht es von selbst wieder und fragt weniger zugleich. \
             Kommt es oft vor, limits.max_in_flight senken.",
        ),
    },
    Entry {
        code: "database-down",
        when: &[refused(
            "",
            &[
                "DBP-0001 *",
                "*Cannot get connection to config DB*",
                "No connection to database *",
                "*Communications link failure*",
            ],
        )],
        means: both(
            "OX cannot reach its database. Everything waits; no item is to blame.",
            "OX erreicht seine Datenbank nicht. Alles wartet; kein Element ist schuld.",
        ),
        cure: both(
            "Bring OX's database back (mysql/mariadb: is it running, is its disk full, does OX reach \
             it). drover asks again by itself and then goes on.",
            "Die Datenbank von OX wieder in Gang bringen (mysql/mariadb: läuft sie, ist ihre Platte \
             voll, erreicht OX sie). drover fragt von selbst wieder und macht dann weiter.",
        ),
    },
    Entry {
        code: "schema-updating",
        when: &[refused("", &["*atabase is locked*", "*beeing updated*", "*being updated*"])],
        means: both(
            "OX is bringing the context's database up to date after an update of OX.",
            "OX bringt nach einer Aktualisierung die Datenbank des Kontextes auf den neuen Stand.",
        ),
        cure: both(
            "Wait: drover tries again by itself. OX's runupdate and listdatabaseschema tell how far it \
             is; a failed update task has to be run again there.",
            "Warten: drover versucht es von selbst wieder. runupdate und listdatabaseschema von OX \
             sagen, wie weit es ist; eine gescheiterte Aufgabe muss dort wiederholt werden.",
        ),
    },
    Entry {
        code: "ox-bug",
        when: &[refused("", &["Cannot invoke *", "start -1, end 0, length 0", "java.lang.*", ""])],
        means: both(
            "OX itself has stumbled over what it was sent (a null pointer or the like).",
            "OX ist selbst über das gestolpert, was es bekam (ein Nullzeiger oder Ähnliches).",
        ),
        cure: both(
            "Look for the exception id in the log of OX's middleware, and report it to OX and to \
             drover; park the item if nothing else helps.",
            "Im Log der OX-Middleware nach der Exception-Id suchen und es an OX und drover melden; das \
             Element beiseitelegen, wenn nichts anderes hilft.",
        ),
    },
    Entry {
        code: "message-not-understood",
        when: &[refused(
            "",
            &[
                "Unmarshalling Error*",
                "Unexpected element *",
                "Invalid value in line *",
                "*UNEXPECTED_WRAPPER_ELEMENT*",
                "*NO_PART_FOUND*",
                "MustUnderstand headers: *",
                "A SOAP 1.2 message is not valid *",
                "Error reading XMLStreamReader*",
                "*Illegal character entity*",
                "* is not available on this server",
            ],
        )],
        means: both(
            "OX does not understand the message: it is of another version than drover knows, or \
             something between them changes messages.",
            "OX versteht die Nachricht nicht: es ist eine andere Fassung, als drover kennt, oder etwas \
             dazwischen verändert Nachrichten.",
        ),
        cure: both(
            "Run drover config check, which compares OX's description of itself (WSDL); check proxies \
             on the way, and the date or number that the fault quotes.",
            "drover config check aufrufen, das die Selbstbeschreibung (WSDL) von OX vergleicht; Proxys \
             auf dem Weg prüfen, und das Datum oder die Zahl, die in der Störung steht.",
        ),
    },
    Entry {
        code: "answer-too-large",
        when: &[garbled(&["it is larger than * bytes"])],
        means: both(
            "OX's answer is larger than drover reads.",
            "Die Antwort von OX ist größer, als drover liest.",
        ),
        cure: both(
            "Please report it, with how many users the context has.",
            "Bitte melden, mit der Zahl der Benutzer des Kontextes.",
        ),
    },
    Entry {
        code: "answer-not-understood",
        when: &[garbled(&[
            "it holds no *",
            "it returns nothing",
            "an object has no id",
            "HTTP status 500 without a fault",
            "*XML*",
            "*number*",
        ])],
        means: both(
            "OX has answered with something drover does not understand; it may have done what it was \
             asked.",
            "OX hat etwas geantwortet, was drover nicht versteht; vielleicht hat es getan, was es \
             sollte.",
        ),
        cure: both(
            "Run drover config check; check proxies on the way. drover asks what has become of it \
             before it tries again.",
            "drover config check aufrufen; Proxys auf dem Weg prüfen. drover fragt nach, was daraus \
             geworden ist, bevor es den nächsten Versuch macht.",
        ),
    },
    Entry {
        code: "ox-shows-otherwise",
        when: &[own(&[
            "OX does not show what it said it had made",
            "OX has other numbers than drover remembers; *",
            "OX's answer lacks users it was asked for",
        ])],
        means: both(
            "What OX shows is not what it has said before: it may run on several databases of which \
             one lags behind, or was restored.",
            "OX zeigt anderes, als es vorher gesagt hat: vielleicht läuft es auf mehreren Datenbanken, \
             von denen eine nachhinkt, oder es wurde wiederhergestellt.",
        ),
        cure: both(
            "Nothing is to be done: drover looks again by itself. If it does not end, check the \
             replication of OX's database, and run drover cache rebuild after a restore.",
            "Es ist nichts zu tun: drover sieht von selbst wieder nach. Hört es nicht auf, die \
             Replikation der Datenbank von OX prüfen, und nach einer Wiederherstellung drover cache \
             rebuild aufrufen.",
        ),
    },
];
