//! Users.

use super::super::Entry;
use super::super::when::{own, refused, refused_as};
use super::both;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "display-name-taken",
        when: &[refused("", &["The displayname is already used"])],
        means: both(
            "Another user of the context has the same display name, and OX is set to refuse that, as it \
             is when it is installed.",
            "Ein anderer Benutzer des Kontextes hat denselben Anzeigenamen, und OX ist so eingestellt, \
             dass es das ablehnt (wie nach der Installation).",
        ),
        cure: both(
            "Set com.openexchange.user.enforceUniqueDisplayName=false and \
             com.openexchange.folderstorage.database.preferDisplayName=false in OX and restart it; it \
             cures all such items at once. Or change the display name in the directory.",
            "In OX com.openexchange.user.enforceUniqueDisplayName=false und \
             com.openexchange.folderstorage.database.preferDisplayName=false setzen und es neu \
             starten; das behebt alle solchen Fälle zugleich. Oder den Anzeigenamen im \
             Verzeichnisdienst ändern.",
        ),
    },
    Entry {
        code: "user-folder-taken",
        when: &[refused("", &["FLD-0075 *"])],
        means: both(
            "OX names the user's folder of files after the display name, and there is a folder of that \
             name; it does not tell capital letters from small ones there.",
            "OX benennt den Dateiordner des Benutzers nach dem Anzeigenamen, und einen Ordner dieses \
             Namens gibt es schon; große und kleine Buchstaben unterscheidet es dabei nicht.",
        ),
        cure: both(
            "Set com.openexchange.folderstorage.database.preferDisplayName=false in OX and restart it; \
             or change the display name in the directory.",
            "In OX com.openexchange.folderstorage.database.preferDisplayName=false setzen und es neu \
             starten; oder den Anzeigenamen im Verzeichnisdienst ändern.",
        ),
    },
    Entry {
        code: "user-name-taken",
        when: &[
            refused(
                "OXUserService.",
                &["User * already exists in this context", "User * already exists in context *"],
            ),
            refused("OXUserCopyService.", &["User * already exists in context *", "UCP-0011 *"]),
        ],
        means: both(
            "The context has a user of that login name already whom drover does not take for this one.",
            "Im Kontext gibt es schon einen Benutzer mit diesem Anmeldenamen, den drover nicht für \
             diesen hält.",
        ),
        cure: both(
            "Rename the user in the directory, or rename or delete the other one in OX. If both are \
             one person, run drover explain on the item first.",
            "Den Benutzer im Verzeichnisdienst umbenennen, oder den anderen in OX umbenennen oder \
             löschen. Sind beide dieselbe Person, zuerst drover explain für das Element aufrufen.",
        ),
    },
    Entry {
        code: "primary-address-taken",
        when: &[refused(
            "OXUserService.",
            &["Primary mail address \"*\" already exists in context *"],
        )],
        means: both(
            "The primary mail address is that of another user of the context; the number behind \
             \"assigned to user\" is OX's number of that user.",
            "Die primäre Mailadresse gehört einem anderen Benutzer des Kontextes; die Nummer hinter \
             \"assigned to user\" ist dessen Nummer in OX.",
        ),
        cure: both(
            "Give one of them another mailPrimaryAddress in the directory. If the other one is only in \
             OX (left over, or made by hand), change or delete it there.",
            "Einem von beiden im Verzeichnisdienst eine andere mailPrimaryAddress geben. Gibt es den \
             anderen nur in OX (übrig geblieben oder von Hand angelegt), ihn dort ändern oder löschen.",
        ),
    },
    Entry {
        code: "user-name-characters",
        when: &[refused("OXUserService.", &["Illegal chars: *"])],
        means: both(
            "OX takes only some characters in login names: letters without umlauts, digits and \
             $ @ % . + - _",
            "OX lässt in Anmeldenamen nur bestimmte Zeichen zu: Buchstaben ohne Umlaute, Ziffern und \
             $ @ % . + - _",
        ),
        cure: both(
            "Rename the user in the directory (or choose another property with OX_USER_IDENTIFIER); or \
             set CHECK_USER_UID_FOR_NOT_ALLOWED_CHARS=false in OX's AdminUser.properties and restart \
             OX.",
            "Den Benutzer im Verzeichnisdienst umbenennen (oder mit OX_USER_IDENTIFIER eine andere \
             Eigenschaft wählen); oder in AdminUser.properties von OX \
             CHECK_USER_UID_FOR_NOT_ALLOWED_CHARS=false setzen und OX neu starten.",
        ),
    },
    Entry {
        code: "context-administrator-invalid",
        when: &[refused_as(
            "StorageException",
            "OXContextService.",
            &["Illegal chars: \"*\"", "language must contain an underscore, *"],
        )],
        means: both(
            "OX refuses the administrator whom drover wants to give the new context.",
            "OX lehnt den Administrator ab, den drover dem neuen Kontext geben will.",
        ),
        cure: both(
            "Check ox.domain_name (DOMAINNAME) and mapping.language (OX_LANGUAGE) in the settings.",
            "ox.domain_name (DOMAINNAME) und mapping.language (OX_LANGUAGE) in den Einstellungen \
             prüfen.",
        ),
    },
    Entry {
        code: "rename-disabled",
        when: &[refused("OXUserService.", &["Changing username is disabled!"])],
        means: both(
            "The user was renamed in the directory, and OX is set to refuse that, as it is when it is \
             installed.",
            "Der Benutzer wurde im Verzeichnisdienst umbenannt, und OX ist so eingestellt, dass es das \
             ablehnt (wie nach der Installation).",
        ),
        cure: both(
            "Set USERNAME_CHANGEABLE=true in OX's AdminUser.properties and restart OX; or give the \
             user the old name back.",
            "In AdminUser.properties von OX USERNAME_CHANGEABLE=true setzen und OX neu starten; oder \
             dem Benutzer den alten Namen zurückgeben.",
        ),
    },
    Entry {
        code: "user-incomplete",
        when: &[
            refused(
                "OXUserService.",
                &[
                    "Mandatory fields not set: *",
                    "Empty password is not allowed.",
                    "Invalid data sent!",
                ],
            ),
            own(&["OX wants * for a new user; set them in the directory"]),
        ],
        means: both(
            "OX wants name, first name, last name, display name and primary mail address of a new \
             user; the fault names what is missing.",
            "OX verlangt für einen neuen Benutzer Anmeldenamen, Vornamen, Nachnamen, Anzeigenamen und \
             primäre Mailadresse; die Störung nennt, was fehlt.",
        ),
        cure: both(
            "Fill in what is missing in the directory (firstname, lastname, oxDisplayName, \
             mailPrimaryAddress); if it is filled in, check the attribute mapping.",
            "Das Fehlende im Verzeichnisdienst ausfüllen (firstname, lastname, oxDisplayName, \
             mailPrimaryAddress); ist es ausgefüllt, die Attributzuordnung prüfen.",
        ),
    },
    Entry {
        code: "address-invalid",
        when: &[refused("", &["Invalid email address", "Invalid email address: *"])],
        means: both(
            "OX does not take one of the mail addresses: umlauts before the @, blanks and double dots \
             are not possible.",
            "OX nimmt eine der Mailadressen nicht an: Umlaute vor dem @, Leerzeichen und doppelte \
             Punkte sind nicht möglich.",
        ),
        cure: both(
            "Correct the address in the directory: mailPrimaryAddress, mailAlternativeAddress, or a \
             property that the attribute mapping names.",
            "Die Adresse im Verzeichnisdienst berichtigen: mailPrimaryAddress, \
             mailAlternativeAddress, oder eine Eigenschaft, die die Attributzuordnung nennt.",
        ),
    },
    Entry {
        code: "addresses-disagree",
        when: &[refused(
            "",
            &[
                "primarymail must have the same value as email1",
                "email1 not equal with primarymail!",
                "email1 not sent but required!",
                "primaryMail, Email1 and defaultSenderAddress must be present in set of aliases.",
            ],
        )],
        means: both(
            "OX wants the primary address, email1 and the sender's address to be among the aliases, \
             and the first two to be equal.",
            "OX verlangt, dass primäre Adresse, email1 und Absenderadresse unter den Aliasen sind, und \
             die ersten beiden gleich.",
        ),
        cure: both(
            "Check that the attribute mapping takes email1 and primaryEmail from the same property; \
             then run drover resync on the user. Without a mapping of your own please report it.",
            "Prüfen, ob die Attributzuordnung email1 und primaryEmail aus derselben Eigenschaft nimmt; \
             dann drover resync für den Benutzer. Ohne eigene Zuordnung bitte melden.",
        ),
    },
    Entry {
        code: "primary-address-fixed",
        when: &[refused("OXUserService.", &["primary mail must not be changed"])],
        means: both(
            "The user has got another primary address, and OX is set to refuse that.",
            "Der Benutzer hat eine andere primäre Adresse bekommen, und OX ist so eingestellt, dass es \
             das ablehnt.",
        ),
        cure: both(
            "Set PRIMARY_MAIL_UNCHANGEABLE=false in OX's AdminUser.properties and restart OX; or give \
             the user the old address back.",
            "In AdminUser.properties von OX PRIMARY_MAIL_UNCHANGEABLE=false setzen und OX neu starten; \
             oder dem Benutzer die alte Adresse zurückgeben.",
        ),
    },
    Entry {
        code: "language-invalid",
        when: &[refused(
            "OXUserService.",
            &["language must contain an underscore, *", "Language must contain an underscore, *"],
        )],
        means: both(
            "OX takes languages of the form de_DE only.",
            "OX nimmt Sprachen nur in der Form de_DE.",
        ),
        cure: both(
            "Set mapping.language (OX_LANGUAGE), or the property that the attribute mapping takes \
             language from, to something like de_DE.",
            "mapping.language (OX_LANGUAGE), oder die Eigenschaft, aus der die Attributzuordnung die \
             Sprache nimmt, auf etwas wie de_DE setzen.",
        ),
    },
    Entry {
        code: "timezone-invalid",
        when: &[refused("", &["The given timezone is invalid"])],
        means: both("OX does not know the time zone.", "OX kennt die Zeitzone nicht."),
        cure: both(
            "Set mapping.timezone (LOCAL_TIMEZONE), or the property that the attribute mapping takes \
             it from, to something like Europe/Berlin.",
            "mapping.timezone (LOCAL_TIMEZONE), oder die Eigenschaft, aus der die Attributzuordnung \
             sie nimmt, auf etwas wie Europe/Berlin setzen.",
        ),
    },
    Entry {
        code: "password-mechanism-invalid",
        when: &[refused(
            "",
            &[
                "Invalid PasswordMech: *",
                "When changing password mechanism, the password string must also be supplied",
            ],
        )],
        means: both(
            "OX does not know how the password is said to be encoded.",
            "OX kennt das angegebene Verfahren der Passwort-Verschlüsselung nicht.",
        ),
        cure: both(
            "Take passwordMech out of the attribute mapping, or use one of those that the fault names.",
            "passwordMech aus der Attributzuordnung nehmen, oder eines der in der Störung genannten \
             Verfahren verwenden.",
        ),
    },
    Entry {
        code: "value-too-long",
        when: &[refused(
            "",
            &[
                "Data too long for underlying storage!*",
                "Data truncation: Data too long for column *",
            ],
        )],
        means: both(
            "A value is longer than OX can keep; the fault names the database's column (uid: login \
             name, field01: display name, field02: last name, field03: first name).",
            "Ein Wert ist länger, als OX speichern kann; die Störung nennt die Spalte der Datenbank \
             (uid: Anmeldename, field01: Anzeigename, field02: Nachname, field03: Vorname).",
        ),
        cure: both(
            "Shorten the value in the directory. OX keeps 191 characters of a login name, 320 of a \
             display name, 128 of names, departments and positions, 64 of most other texts.",
            "Den Wert im Verzeichnisdienst kürzen. OX speichert 191 Zeichen eines Anmeldenamens, 320 \
             eines Anzeigenamens, 128 von Namen, Abteilungen und Funktionen, 64 der meisten anderen \
             Texte.",
        ),
    },
    Entry {
        code: "user-missing",
        when: &[
            refused_as(
                "NoSuchUserException",
                "OXUserService.",
                &["No such user *", "No such user(s) *"],
            ),
            refused("OXUserCopyService.", &["No such user *"]),
        ],
        means: both(
            "The user is not in OX under the number or name that is remembered. If the fault names the \
             context's administrator, that one is not known.",
            "Der Benutzer ist nicht mit der gemerkten Nummer oder dem gemerkten Namen in OX. Nennt die \
             Störung den Administrator des Kontextes, so ist dieser unbekannt.",
        ),
        cure: both(
            "After a restore of OX look up the numbers anew with drover cache rebuild --context \
             {context}; a user who was deleted in OX comes back with drover resync on the user. Check \
             \"adminuser\" in the credentials file.",
            "Nach einer Wiederherstellung von OX die Nummern mit drover cache rebuild --context \
             {context} neu ermitteln; ein in OX gelöschter Benutzer kommt mit drover resync für ihn \
             zurück. \"adminuser\" in der Datei der Zugangsdaten prüfen.",
        ),
    },
    Entry {
        code: "user-quota-fixed",
        when: &[refused("OXUserService.", &["Quota cannot be changed for user *"])],
        means: both(
            "OX changes a user's quota only for users with a file store of their own.",
            "OX ändert die Quota nur bei Benutzern mit eigenem Dateispeicher.",
        ),
        cure: both(
            "Set ALLOW_CHANGING_QUOTA_IF_NO_FILESTORE_SET=true in OX's AdminUser.properties and restart \
             OX; or take the quota away from the user in the directory.",
            "In AdminUser.properties von OX ALLOW_CHANGING_QUOTA_IF_NO_FILESTORE_SET=true setzen und OX \
             neu starten; oder dem Benutzer im Verzeichnisdienst die Quota nehmen.",
        ),
    },
    Entry {
        code: "filestore-impossible",
        when: &[refused(
            "",
            &["No such filestore with id *", "Not allowed to change the filestore for user *"],
        )],
        means: both(
            "OX does not have that file store, or does not change a user's in this way.",
            "OX hat diesen Dateispeicher nicht, oder ändert den eines Benutzers nicht auf diese Weise.",
        ),
        cure: both(
            "Take filestoreId out of the attribute mapping; users are moved between file stores with \
             OX's own tools.",
            "filestoreId aus der Attributzuordnung nehmen; Benutzer werden mit den Werkzeugen von OX \
             zwischen Dateispeichern verschoben.",
        ),
    },
    Entry {
        code: "picture-unusable",
        when: &[refused(
            "",
            &["imageContentType must not be null", "No image reader available for format *"],
        )],
        means: both(
            "OX cannot read the user's picture, and refuses the user because of it.",
            "OX kann das Bild des Benutzers nicht lesen und lehnt deshalb den Benutzer ab.",
        ),
        cure: both(
            "Replace the picture (jpegPhoto) in the directory by a JPEG that opens, or remove it.",
            "Das Bild (jpegPhoto) im Verzeichnisdienst durch ein JPEG ersetzen, das sich öffnen lässt, \
             oder entfernen.",
        ),
    },
    Entry {
        code: "administrator-delete",
        when: &[refused("OXUserService.", &["Admin delete not supported"])],
        means: both(
            "A context's administrator is to be deleted, which OX does only together with the context.",
            "Der Administrator eines Kontextes soll gelöscht werden; das tut OX nur mit dem Kontext.",
        ),
        cure: both(
            "Drop this item; a user of the directory who is named like the administrator is never \
             touched.",
            "Dieses Element verwerfen; ein Benutzer des Verzeichnisdienstes, der wie der Administrator \
             heißt, wird nie angefasst.",
        ),
    },
    Entry {
        code: "delete-impossible",
        when: &[refused(
            "OXUserService.",
            &[
                "User * is contained multiple times in delete request.",
                "The reassign user with id *",
                "It is not allowed to reassign the shared data to the user which should be deleted. *",
                "User array is empty",
            ],
        )],
        means: both(
            "OX cannot delete the user in the way it was asked to.",
            "OX kann den Benutzer nicht so löschen, wie es verlangt wurde.",
        ),
        cure: both(
            "This is a bug in drover: please report it with the exception id.",
            "Das ist ein Fehler in drover: bitte mit der Exception-Id melden.",
        ),
    },
    Entry {
        code: "address-book-needed",
        when: &[refused("", &["Global address book can not be disabled for non-PIM users."])],
        means: both(
            "The access profile turns the global address book off beside rights that need it.",
            "Das Zugriffsprofil schaltet das globale Adressbuch neben Rechten ab, die es brauchen.",
        ),
        cure: both(
            "In the access profile untick globaladdressbookdisabled, or take away editpublicfolders, \
             readcreatesharedfolders, webdavxml and delegatetask.",
            "Im Zugriffsprofil globaladdressbookdisabled abwählen, oder editpublicfolders, \
             readcreatesharedfolders, webdavxml und delegatetask wegnehmen.",
        ),
    },
    Entry {
        code: "public-folders-refused",
        when: &[refused("", &["FLD-0089 *"])],
        means: both(
            "Only a context's administrator may edit public folders in general.",
            "Öffentliche Ordner darf allgemein nur der Administrator des Kontextes bearbeiten.",
        ),
        cure: both(
            "Untick publicfoldereditable in the access profile.",
            "Im Zugriffsprofil publicfoldereditable abwählen.",
        ),
    },
    Entry {
        code: "alias-twice",
        when: &[
            refused_as("StorageException", "OXUserService.", &["Duplicate entry *"]),
            refused_as("StorageException", "OXContextService.", &["Duplicate entry *"]),
        ],
        means: both(
            "A value is there twice that may be there once, such as two mail aliases or two login \
             mappings that differ in capital letters only.",
            "Ein Wert ist doppelt vorhanden, der nur einmal sein darf, etwa zwei Mail-Aliase oder zwei \
             Anmelde-Zuordnungen, die sich nur in der Großschreibung unterscheiden.",
        ),
        cure: both(
            "Remove one of the two in the directory (mailAlternativeAddress), or from \
             mapping.login_mappings.",
            "Einen von beiden im Verzeichnisdienst entfernen (mailAlternativeAddress), oder aus \
             mapping.login_mappings.",
        ),
    },
    Entry {
        code: "mail-account-lost",
        when: &[refused("", &["ACC-0002 *"])],
        means: both(
            "The user has no main mail account in OX any more; deleting a functional account of the \
             user's own address does that.",
            "Der Benutzer hat in OX kein Haupt-Mailkonto mehr; das geschieht, wenn ein funktionales \
             Konto mit seiner eigenen Adresse gelöscht wird.",
        ),
        cure: both(
            "OX cannot mend this by its interface: delete the user in OX after saving the data, and \
             run drover resync on the user, or ask OX's support.",
            "OX kann das über seine Schnittstelle nicht beheben: den Benutzer nach Sicherung der Daten \
             in OX löschen und drover resync für ihn aufrufen, oder den Support von OX fragen.",
        ),
    },
    Entry {
        code: "mail-server-invalid",
        when: &[refused("", &["Malformed *", "Illegal character in authority *"])],
        means: both(
            "OX cannot read the name of the user's mail server.",
            "OX kann den Namen des Mailservers des Benutzers nicht lesen.",
        ),
        cure: both(
            "Write OX_IMAP_SERVER and OX_SMTP_SERVER, or the mapped property, as \
             imaps://mail.example.org:993, without blanks.",
            "OX_IMAP_SERVER und OX_SMTP_SERVER, oder die zugeordnete Eigenschaft, in der Form \
             imaps://mail.example.org:993 angeben, ohne Leerzeichen.",
        ),
    },
    Entry {
        code: "guest-in-the-way",
        when: &[refused("OXUserService.create", &["A guest *", "*guest user*", "*Guest *"])],
        means: both(
            "A guest of the context (somebody with whom something was shared) has the new user's \
             address.",
            "Ein Gast des Kontextes (jemand, mit dem etwas geteilt wurde) hat die Adresse des neuen \
             Benutzers.",
        ),
        cure: both(
            "Delete the guest in OX, or update OX to 8.36.36 or later, which makes guests into users.",
            "Den Gast in OX löschen, oder OX auf 8.36.36 oder neuer aktualisieren, das Gäste zu \
             Benutzern macht.",
        ),
    },
    Entry {
        code: "user-not-named",
        when: &[refused(
            "",
            &[
                "One userobject has no userid or username",
                "Username and userid missing.",
                "Neither identifier, name nor display name set in given user object",
                "The given source user object is null",
                "One of the given arguments for change is null",
                "User or UserModuleAccess is null",
                "Missing user.",
                "No capabilities specified.",
            ],
        )],
        means: both(
            "OX was not told which user is meant, or what to do.",
            "OX wurde nicht gesagt, welcher Benutzer gemeint ist, oder was zu tun ist.",
        ),
        cure: both(
            "This is a bug in drover: please report it with the exception id.",
            "Das ist ein Fehler in drover: bitte mit der Exception-Id melden.",
        ),
    },
];
