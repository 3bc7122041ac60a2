//! Functional and shared accounts.

use super::super::Entry;
use super::super::when::{own, refused};
use super::both;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "mail-account-taken",
        when: &[refused("OXSecondaryAccountService.", &["ACC-0017 *"])],
        means: both(
            "A user of the functional account has a mail account of that address already, perhaps the \
             user's own main one. OX has made none of the accounts then.",
            "Ein Benutzer des funktionalen Kontos hat schon ein Mailkonto mit dieser Adresse, \
             vielleicht sein eigenes Hauptkonto. OX hat dann keines der Konten angelegt.",
        ),
        cure: both(
            "Give the functional account another mailPrimaryAddress, or take the user out of it; an \
             account that the user has added by hand has to be deleted in OX.",
            "Dem funktionalen Konto eine andere mailPrimaryAddress geben, oder den Benutzer \
             herausnehmen; ein vom Benutzer selbst hinzugefügtes Konto muss in OX gelöscht werden.",
        ),
    },
    Entry {
        code: "account-incomplete",
        when: &[refused(
            "OXSecondaryAccountService.",
            &[
                "Missing users/groups in account data",
                "Account data is missing.",
                "Primary address is empty.",
                "Missing mail end-point data. *",
                "Column '*' cannot be null",
                "ACC-0016 *",
            ],
        )],
        means: both(
            "OX wants more of the functional account than it was sent: name, login, address, mail \
             server and users.",
            "OX will vom funktionalen Konto mehr wissen, als gesendet wurde: Namen, Anmeldenamen, \
             Adresse, Mailserver und Benutzer.",
        ),
        cure: both(
            "Set name, mailPrimaryAddress and users of the account in the directory, and check \
             OX_FUNCTIONAL_ACCOUNT_LOGIN_TEMPLATE.",
            "name, mailPrimaryAddress und Benutzer des Kontos im Verzeichnisdienst setzen, und \
             OX_FUNCTIONAL_ACCOUNT_LOGIN_TEMPLATE prüfen.",
        ),
    },
    Entry {
        code: "account-user-missing",
        when: &[
            refused("OXSecondaryAccountService.", &["No such user *"]),
            refused("OXSharedAccountService.", &["No such user *", "No such user"]),
        ],
        means: both(
            "A user of the account is not in OX under the number that is remembered.",
            "Ein Benutzer des Kontos ist nicht mit der gemerkten Nummer in OX.",
        ),
        cure: both(
            "Look up the users' numbers anew with drover cache rebuild --context {context}.",
            "Die Nummern der Benutzer mit drover cache rebuild --context {context} neu ermitteln.",
        ),
    },
    Entry {
        code: "account-is-own-mailbox",
        when: &[own(&[
            "* is the primary address of user * in context *; removing the functional account *",
        ])],
        means: both(
            "The functional account has the address of a user's own mailbox; if it were removed, OX \
             would destroy that user's mail account. Nothing was changed.",
            "Das funktionale Konto hat die Adresse des eigenen Postfachs eines Benutzers; würde es \
             entfernt, zerstörte OX dessen Mailkonto. Geändert wurde nichts.",
        ),
        cure: both(
            "Give the user or the functional account another address in the directory.",
            "Dem Benutzer oder dem funktionalen Konto im Verzeichnisdienst eine andere Adresse geben.",
        ),
    },
    Entry {
        code: "account-login-template",
        when: &[own(&["login of the functional account: *"])],
        means: both(
            "The login of the functional account cannot be made from its template for one of the users.",
            "Der Anmeldename des funktionalen Kontos lässt sich für einen der Benutzer nicht aus der \
             Vorlage bilden.",
        ),
        cure: both(
            "Correct OX_FUNCTIONAL_ACCOUNT_LOGIN_TEMPLATE (mapping.functional_account_login_template), \
             or set the property that it names for every user of the account.",
            "OX_FUNCTIONAL_ACCOUNT_LOGIN_TEMPLATE (mapping.functional_account_login_template) \
             berichtigen, oder die darin genannte Eigenschaft bei allen Benutzern des Kontos setzen.",
        ),
    },
    Entry {
        code: "shared-account-missing",
        when: &[refused("", &["No such shared account *"])],
        means: both(
            "The shared account is not in OX; perhaps somebody has deleted it there.",
            "Das geteilte Konto ist nicht in OX; vielleicht wurde es dort gelöscht.",
        ),
        cure: both(
            "Run drover resync on the shared account, which makes it again.",
            "drover resync für das geteilte Konto aufrufen, damit wird es wieder angelegt.",
        ),
    },
    Entry {
        code: "shared-account-name-taken",
        when: &[refused(
            "OXSharedAccountService.",
            &[
                "User * already exists in this context",
                "Primary mail address \"*\" already exists in context *",
            ],
        )],
        means: both(
            "A user or another shared account of the context has that name or address already.",
            "Ein Benutzer oder ein anderes geteiltes Konto des Kontextes hat diesen Namen oder diese \
             Adresse schon.",
        ),
        cure: both(
            "Give the shared account another name or mailPrimaryAddress in the directory.",
            "Dem geteilten Konto im Verzeichnisdienst einen anderen Namen oder eine andere \
             mailPrimaryAddress geben.",
        ),
    },
    Entry {
        code: "shared-account-incomplete",
        when: &[refused("OXSharedAccountService.", &["Mandatory field * not set"])],
        means: both(
            "OX wants more of the shared account than it was sent.",
            "OX will vom geteilten Konto mehr wissen, als gesendet wurde.",
        ),
        cure: both(
            "Set name, displayName and mailPrimaryAddress of the shared account in the directory.",
            "name, displayName und mailPrimaryAddress des geteilten Kontos im Verzeichnisdienst setzen.",
        ),
    },
    Entry {
        code: "shared-account-across-contexts",
        when: &[refused(
            "OXSharedAccountService.",
            &["Permissions across contexts are not supported."],
        )],
        means: both(
            "A user of another context is to use the shared account, which this OX cannot do.",
            "Ein Benutzer aus einem anderen Kontext soll das geteilte Konto nutzen; das kann dieses OX \
             nicht.",
        ),
        cure: both(
            "Take users and groups of other contexts out of the account in the directory, or update OX.",
            "Benutzer und Gruppen anderer Kontexte im Verzeichnisdienst aus dem Konto nehmen, oder OX \
             aktualisieren.",
        ),
    },
    Entry {
        code: "shared-account-elsewhere",
        when: &[own(&["the shared account is in context *, and OX cannot move it to context *"])],
        means: both(
            "OX cannot move a shared account to another context; its mail would be lost.",
            "OX kann ein geteiltes Konto nicht in einen anderen Kontext verschieben; seine Mails \
             gingen verloren.",
        ),
        cure: both(
            "Set its oxContext back to {context}, or delete it and make another one.",
            "Sein oxContext auf {context} zurücksetzen, oder es löschen und ein anderes anlegen.",
        ),
    },
    Entry {
        code: "shared-account-from-user",
        when: &[own(&[
            "the user of context * who is to become a shared account has no known number *",
        ])],
        means: both(
            "A user is to become a shared account, and the user's number in OX is not known.",
            "Ein Benutzer soll zu einem geteilten Konto werden, und seine Nummer in OX ist nicht \
             bekannt.",
        ),
        cure: both(
            "Look the numbers up with drover cache rebuild --context {context}; or make the account \
             anew in the directory.",
            "Die Nummern mit drover cache rebuild --context {context} ermitteln; oder das Konto im \
             Verzeichnisdienst neu anlegen.",
        ),
    },
    Entry {
        code: "not-offered",
        when: &[own(&["OX does not offer *, which came with OX *"])],
        means: both(
            "This OX is too old for what is to be provisioned (shared accounts need 8.49).",
            "Dieses OX ist zu alt für das, was provisioniert werden soll (geteilte Konten brauchen \
             8.49).",
        ),
        cure: both(
            "Update OX; or set mapping.shared_accounts=false (OX_ENABLE_SHARED_ACCOUNT) to do without \
             shared accounts.",
            "OX aktualisieren; oder mit mapping.shared_accounts=false (OX_ENABLE_SHARED_ACCOUNT) auf \
             geteilte Konten verzichten.",
        ),
    },
];
