//! What drover finds itself about an object of the directory.

use super::super::Entry;
use super::super::when::own;
use super::both;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "access-profile-unknown",
        when: &[own(&["unknown access profile \"*"])],
        means: both(
            "The user's access profile (oxAccess) is not known here.",
            "Das Zugriffsprofil des Benutzers (oxAccess) ist hier nicht bekannt.",
        ),
        cure: both(
            "Create the profile in the directory, or correct oxAccess of the user; the fault names \
             those that are known. If it is there, run drover resync on it.",
            "Das Profil im Verzeichnisdienst anlegen, oder oxAccess des Benutzers berichtigen; die \
             Störung nennt die bekannten. Ist es da, drover resync dafür aufrufen.",
        ),
    },
    Entry {
        code: "access-profile-impossible",
        when: &[own(&["access profile \"*\" grants * beside *"])],
        means: both(
            "The access profile grants rights that OX does not grant together.",
            "Das Zugriffsprofil gewährt Rechte, die OX nicht zusammen gewährt.",
        ),
        cure: both(
            "Untick globaladdressbookdisabled in the profile, or the rights that the fault names.",
            "Im Profil globaladdressbookdisabled abwählen, oder die in der Störung genannten Rechte.",
        ),
    },
    Entry {
        code: "access-profile-name",
        when: &[own(&["access profile name * could not be read back *"])],
        means: both(
            "The access profile has a name that cannot stand in the file of profiles.",
            "Das Zugriffsprofil hat einen Namen, der in der Datei der Profile nicht stehen kann.",
        ),
        cure: both(
            "Create the profile anew under another name, without = # and line breaks.",
            "Das Profil unter einem anderen Namen neu anlegen, ohne = # und Zeilenumbrüche.",
        ),
    },
    Entry {
        code: "identifier-invalid",
        when: &[own(&["*(setting OX_*_IDENTIFIER) must hold one text that is not empty"])],
        means: both(
            "The property that names the object in OX is empty, or holds several values.",
            "Die Eigenschaft, die das Objekt in OX benennt, ist leer oder hat mehrere Werte.",
        ),
        cure: both(
            "Set that property of the object in the directory, or choose another one with the setting \
             that the fault names; entryUUID always works.",
            "Diese Eigenschaft des Objekts im Verzeichnisdienst setzen, oder mit der in der Störung \
             genannten Einstellung eine andere wählen; entryUUID geht immer.",
        ),
    },
    Entry {
        code: "name-taken-in-directory",
        when: &[own(&["the name is still taken in context * by object * of the directory; *"])],
        means: both(
            "Another object of the directory still has the name in OX; it is to give it up, but its \
             change is not through.",
            "Ein anderes Objekt des Verzeichnisdienstes hat den Namen in OX noch; es soll ihn abgeben, \
             aber seine Änderung ist noch nicht durch.",
        ),
        cure: both(
            "Cure the item of that other object (drover queue list --object ID); this one then goes on \
             by itself.",
            "Das Element jenes anderen Objekts in Ordnung bringen (drover queue list --object ID); \
             dieses geht dann von selbst weiter.",
        ),
    },
    Entry {
        code: "user-in-both-contexts",
        when: &[own(&["a user of that name is in both contexts: *"])],
        means: both(
            "The user is to move to another context, where somebody of that name is already. drover \
             does not decide whose mail is kept.",
            "Der Benutzer soll in einen anderen Kontext umziehen, in dem es den Namen schon gibt. \
             drover entscheidet nicht, wessen Mails bleiben.",
        ),
        cure: both(
            "Decide, and delete the other account in OX; the fault names both numbers. The move then \
             goes on by itself.",
            "Entscheiden, und das andere Konto in OX löschen; die Störung nennt beide Nummern. Der \
             Umzug geht dann von selbst weiter.",
        ),
    },
    Entry {
        code: "value-unsendable",
        when: &[own(&["cannot send *: *"])],
        means: both(
            "A value holds something that cannot be put into a message to OX, such as a control \
             character.",
            "Ein Wert enthält etwas, was sich nicht in eine Nachricht an OX setzen lässt, etwa ein \
             Steuerzeichen.",
        ),
        cure: both(
            "Correct the field that the fault names in the directory.",
            "Das in der Störung genannte Feld im Verzeichnisdienst berichtigen.",
        ),
    },
    Entry {
        code: "file-not-json",
        when: &[own(&["not valid JSON at line *"])],
        means: both(
            "The queue file is no JSON; perhaps it was written by hand, or the disk was full.",
            "Die Datei der Warteschlange ist kein JSON; vielleicht wurde sie von Hand geschrieben, \
             oder die Platte war voll.",
        ),
        cure: both(
            "Correct the file, or remove it and have the object written again (univention-directory-\
             listener-ctrl resync ox-connector, or save the object once more).",
            "Die Datei berichtigen, oder sie entfernen und das Objekt neu schreiben lassen \
             (univention-directory-listener-ctrl resync ox-connector, oder das Objekt noch einmal \
             speichern).",
        ),
    },
    Entry {
        code: "file-field-wrong",
        when: &[own(&["field \"*\": expected *, found *"])],
        means: both(
            "A field of the queue file is not what drover can read.",
            "Ein Feld der Datei in der Warteschlange ist nicht so, dass drover es lesen kann.",
        ),
        cure: both(
            "Correct the property in the directory, or the file; drover looks again by itself.",
            "Die Eigenschaft im Verzeichnisdienst berichtigen, oder die Datei; drover sieht von selbst \
             wieder nach.",
        ),
    },
    Entry {
        code: "file-too-large",
        when: &[own(&["queue file * is larger than * bytes: *"])],
        means: both(
            "The queue file is larger than drover reads.",
            "Die Datei der Warteschlange ist größer, als drover liest.",
        ),
        cure: both(
            "Raise queue.max_file_bytes if the file is right (a large group, a picture); else move it \
             away.",
            "queue.max_file_bytes erhöhen, wenn die Datei richtig ist (eine große Gruppe, ein Bild); \
             sonst sie wegräumen.",
        ),
    },
];
