//! Groups.

use super::super::Entry;
use super::super::when::{own, refused, refused_as};
use super::both;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "group-name-taken",
        when: &[refused(
            "OXGroupService.",
            &["Group already exists!", "Group * already exists in this context"],
        )],
        means: both(
            "The context has a group of that name already; OX does not tell capital letters from small \
             ones, and a group \"users\" is in every context.",
            "Im Kontext gibt es schon eine Gruppe dieses Namens; OX unterscheidet nicht zwischen \
             großen und kleinen Buchstaben, und eine Gruppe \"users\" ist in jedem Kontext.",
        ),
        cure: both(
            "Rename the group in the directory, or delete the other one in OX.",
            "Die Gruppe im Verzeichnisdienst umbenennen, oder die andere in OX löschen.",
        ),
    },
    Entry {
        code: "group-name-characters",
        when: &[refused("OXGroupService.", &["Illegal chars: *"])],
        means: both(
            "OX takes only some characters in names of groups: letters without umlauts, digits, blanks \
             and $ @ % . + - _",
            "OX lässt in Namen von Gruppen nur bestimmte Zeichen zu: Buchstaben ohne Umlaute, Ziffern, \
             Leerzeichen und $ @ % . + - _",
        ),
        cure: both(
            "Set CHECK_GROUP_UID_FOR_NOT_ALLOWED_CHARS=false in OX's Group.properties and restart OX, \
             which is what the OX Connector's manual asks for; or rename the group in the directory.",
            "In Group.properties von OX CHECK_GROUP_UID_FOR_NOT_ALLOWED_CHARS=false setzen und OX neu \
             starten, wie es das Handbuch des OX-Connectors verlangt; oder die Gruppe im \
             Verzeichnisdienst umbenennen.",
        ),
    },
    Entry {
        code: "group-incomplete",
        when: &[refused(
            "OXGroupService.",
            &[
                "Mandatory fields not set: *",
                "Invalid group name",
                "One groupobject has no groupid or groupname",
                "Groupname and groupid missing! Cannot resolve group data",
            ],
        )],
        means: both(
            "OX wants a name and a display name of a group.",
            "OX verlangt für eine Gruppe einen Namen und einen Anzeigenamen.",
        ),
        cure: both(
            "Set the group's name in the directory (or the property that OX_GROUP_IDENTIFIER names).",
            "Den Namen der Gruppe im Verzeichnisdienst setzen (oder die Eigenschaft, die \
             OX_GROUP_IDENTIFIER nennt).",
        ),
    },
    Entry {
        code: "group-missing",
        when: &[
            refused("OXGroupService.", &["No such group", "No such group *"]),
            refused("OXSecondaryAccountService.", &["No such group *"]),
            refused("OXSharedAccountService.", &["No such group*"]),
        ],
        means: both(
            "The group is not in OX; perhaps somebody has deleted it there.",
            "Die Gruppe ist nicht in OX; vielleicht wurde sie dort gelöscht.",
        ),
        cure: both(
            "Run drover resync on the group, which makes it again.",
            "drover resync für die Gruppe aufrufen, damit wird sie wieder angelegt.",
        ),
    },
    Entry {
        code: "member-missing",
        when: &[
            refused("OXGroupService.", &["No such user", "No such user *"]),
            own(&[
                "OX does not know * of the group's members in context *",
                "members have other numbers in OX; *",
            ]),
        ],
        means: both(
            "A member of the group is not in OX under the number that is remembered, or is in the list \
             twice. OX has changed nothing then.",
            "Ein Mitglied der Gruppe ist nicht mit der gemerkten Nummer in OX, oder steht doppelt in \
             der Liste. OX hat dann nichts geändert.",
        ),
        cure: both(
            "Look up the users' numbers anew with drover cache rebuild --context {context}; a user who \
             was deleted in OX comes back with drover resync on the user.",
            "Die Nummern der Benutzer mit drover cache rebuild --context {context} neu ermitteln; ein \
             in OX gelöschter Benutzer kommt mit drover resync für ihn zurück.",
        ),
    },
    Entry {
        code: "member-twice",
        when: &[
            refused("OXGroupService.", &["Member already exists in group"]),
            refused_as("StorageException", "OXGroupService.", &["*Duplicate entry *"]),
        ],
        means: both(
            "A user is in the group already, or was sent twice. OX has changed nothing then.",
            "Ein Benutzer ist schon in der Gruppe, oder wurde doppelt gesendet. OX hat dann nichts \
             geändert.",
        ),
        cure: both(
            "Run drover resync on the group, which compares all members with OX.",
            "drover resync für die Gruppe aufrufen, damit werden alle Mitglieder mit OX verglichen.",
        ),
    },
    Entry {
        code: "group-of-all",
        when: &[refused("OXGroupService.", &["Group with id * cannot be deleted"])],
        means: both(
            "OX does not let its own group of all users be deleted.",
            "OX lässt seine eigene Gruppe aller Benutzer nicht löschen.",
        ),
        cure: both(
            "Drop this item; the group \"users\" is OX's own and is never provisioned.",
            "Dieses Element verwerfen; die Gruppe \"users\" gehört OX und wird nie provisioniert.",
        ),
    },
];
