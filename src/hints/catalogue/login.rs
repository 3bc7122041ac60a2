//! Who may do what in OX.

use super::super::Entry;
use super::super::when::{own, refused, refused_as};
use super::both;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "master-login-refused",
        when: &[
            refused("OXContextService.", &["Authentication failed"]),
            refused("OXUserCopyService.", &["Authentication failed"]),
        ],
        means: both(
            "OX does not take the name or password of its master administrator.",
            "OX nimmt Namen oder Passwort seines Hauptadministrators (master) nicht an.",
        ),
        cure: both(
            "Correct the entry \"master\" in the credentials file, or OX_MASTER_ADMIN and \
             OX_MASTER_PASSWORD (ox.master_admin, ox.master_password); the name is usually \
             oxadminmaster. drover goes on by itself.",
            "Den Eintrag \"master\" in der Datei der Zugangsdaten berichtigen, oder OX_MASTER_ADMIN \
             und OX_MASTER_PASSWORD (ox.master_admin, ox.master_password); der Name ist meist \
             oxadminmaster. drover macht von selbst weiter.",
        ),
    },
    Entry {
        code: "administrator-login-refused",
        when: &[
            refused(
                "OXUserService.",
                &["Authentication failed", "Authentication failed for user *"],
            ),
            refused("OXGroupService.", &["Authentication failed"]),
            refused("OXResourceService.", &["Authentication failed"]),
            refused("OXSecondaryAccountService.", &["Authentication failed"]),
            refused("OXSharedAccountService.", &["Authentication failed"]),
        ],
        means: both(
            "OX does not take the name or password of the context's administrator; of a context that \
             does not exist it says the same.",
            "OX nimmt Namen oder Passwort des Kontext-Administrators nicht an; von einem Kontext, den \
             es nicht gibt, sagt OX dasselbe.",
        ),
        cure: both(
            "Correct the context's \"adminuser\" and \"adminpass\" in the credentials file; drover \
             goes on by itself. If the password is lost, set a new one in OX with the master's \
             credentials (changeuser). Check that the context exists in OX.",
            "\"adminuser\" und \"adminpass\" des Kontextes in der Datei der Zugangsdaten berichtigen; \
             drover macht von selbst weiter. Ist das Passwort verloren, in OX mit den Zugangsdaten des \
             Hauptadministrators ein neues setzen (changeuser). Prüfen, ob es den Kontext in OX gibt.",
        ),
    },
    Entry {
        code: "administrator-unknown",
        when: &[refused_as("StorageException", "OXUserService.", &["No such user * in context *"])],
        means: both(
            "OX does not know the administrator of context {context} by the name that the credentials \
             file has.",
            "OX kennt den Administrator von Kontext {context} nicht unter dem Namen, der in der Datei \
             der Zugangsdaten steht.",
        ),
        cure: both(
            "Correct \"adminuser\" of \"{context}\" in the credentials file; drover goes on by itself.",
            "\"adminuser\" von \"{context}\" in der Datei der Zugangsdaten berichtigen; drover macht \
             von selbst weiter.",
        ),
    },
    Entry {
        code: "permission-denied",
        when: &[refused("", &["Permission denied"])],
        means: both(
            "The account in the credentials file is not the context's administrator, so OX lets it \
             change nothing of others.",
            "Das Konto in der Datei der Zugangsdaten ist nicht der Administrator des Kontextes; OX \
             lässt es an anderen nichts ändern.",
        ),
        cure: both(
            "Name the context's administrator in the credentials file (the user with number 2 in OX).",
            "In der Datei der Zugangsdaten den Administrator des Kontextes eintragen (in OX der \
             Benutzer mit der Nummer 2).",
        ),
    },
    Entry {
        code: "context-not-sent",
        when: &[refused(
            "",
            &["Client sent invalid *context data object", "Context invalid", "Missing context."],
        )],
        means: both(
            "OX was asked about no context at all.",
            "OX wurde nach gar keinem Kontext gefragt.",
        ),
        cure: both(
            "This is a bug in drover, or something between drover and OX changes what is sent: please \
             report it with the exception id.",
            "Das ist ein Fehler in drover, oder etwas zwischen drover und OX verändert, was gesendet \
             wird: bitte mit der Exception-Id melden.",
        ),
    },
    Entry {
        code: "context-credentials-missing",
        when: &[own(&[
            "no credentials for the administrator of context *",
            "context * exists in OX, but the credentials file has no working entry for it; *",
        ])],
        means: both(
            "drover has no credentials for context {context}. It makes them itself only for contexts \
             that it creates.",
            "drover hat keine Zugangsdaten für Kontext {context}. Es legt sie nur für Kontexte an, die \
             es selbst erzeugt.",
        ),
        cure: both(
            "Add \"{context}\" with its administrator's \"adminuser\" and \"adminpass\" to the \
             credentials file; drover goes on by itself. Or correct the object's context (oxContext) \
             in the directory.",
            "\"{context}\" mit \"adminuser\" und \"adminpass\" seines Administrators in die Datei der \
             Zugangsdaten eintragen; drover macht von selbst weiter. Oder den Kontext des Objekts \
             (oxContext) im Verzeichnisdienst berichtigen.",
        ),
    },
    Entry {
        code: "master-credentials-missing",
        when: &[own(&["no credentials for the master administrator *"])],
        means: both(
            "drover has no credentials of OX's master administrator, without which it can neither make \
             contexts nor move users between them.",
            "drover hat keine Zugangsdaten des Hauptadministrators von OX; ohne sie kann es weder \
             Kontexte anlegen noch Benutzer zwischen ihnen verschieben.",
        ),
        cure: both(
            "Set OX_MASTER_PASSWORD (ox.master_password), or add \"master\" with \"adminuser\" and \
             \"adminpass\" to the credentials file; drover goes on by itself.",
            "OX_MASTER_PASSWORD (ox.master_password) setzen, oder \"master\" mit \"adminuser\" und \
             \"adminpass\" in die Datei der Zugangsdaten eintragen; drover macht von selbst weiter.",
        ),
    },
    Entry {
        code: "credentials-unreadable",
        when: &[own(&[
            "cannot read the credentials file for *",
            "*: entry \"*\" has no text in \"*\"; correct it by hand",
            "*.json, line 1: not a JSON object; *",
            "*: broken JSON (*",
            "cannot read */contexts.json: *",
        ])],
        means: both(
            "The credentials file cannot be read, so nothing can be done in OX.",
            "Die Datei der Zugangsdaten ist nicht lesbar; in OX kann nichts getan werden.",
        ),
        cure: both(
            "Check owner, mode (0600) and JSON of the credentials file (secrets/contexts.json); the \
             fault names file and line. drover goes on by itself.",
            "Eigentümer, Rechte (0600) und JSON der Datei der Zugangsdaten (secrets/contexts.json) \
             prüfen; die Störung nennt Datei und Zeile. drover macht von selbst weiter.",
        ),
    },
];
