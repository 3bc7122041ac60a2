//! Resources.

use super::super::Entry;
use super::super::when::{own, refused};
use super::both;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "resource-name-taken",
        when: &[refused("OXResourceService.", &["Resource * already exists in this context"])],
        means: both(
            "The context has a resource of that name already; OX does not tell capital letters from \
             small ones.",
            "Im Kontext gibt es schon eine Ressource dieses Namens; OX unterscheidet nicht zwischen \
             großen und kleinen Buchstaben.",
        ),
        cure: both(
            "Rename the resource in the directory, or delete the other one in OX.",
            "Die Ressource im Verzeichnisdienst umbenennen, oder die andere in OX löschen.",
        ),
    },
    Entry {
        code: "resource-address-taken",
        when: &[refused(
            "OXResourceService.",
            &[
                "Resource with this email address already exists",
                "Primary mail address \"*\" already exists in context *",
            ],
        )],
        means: both(
            "The resource's mail address is that of another resource, or some user's primary one.",
            "Die Mailadresse der Ressource gehört einer anderen Ressource, oder ist die primäre \
             Adresse eines Benutzers.",
        ),
        cure: both(
            "Give the resource an address of its own (resourceMailAddress); or take the address from \
             the other one first, in the directory or, if it is only there, in OX.",
            "Der Ressource eine eigene Adresse geben (resourceMailAddress); oder die Adresse zuerst \
             dem anderen nehmen, im Verzeichnisdienst oder, wenn es ihn nur dort gibt, in OX.",
        ),
    },
    Entry {
        code: "resource-name-characters",
        when: &[refused("OXResourceService.", &["Illegal chars: *"])],
        means: both(
            "OX takes only some characters in names of resources: letters without umlauts, digits, \
             blanks and $ @ % . + - _",
            "OX lässt in Namen von Ressourcen nur bestimmte Zeichen zu: Buchstaben ohne Umlaute, \
             Ziffern, Leerzeichen und $ @ % . + - _",
        ),
        cure: both(
            "Rename the resource in the directory; or set CHECK_RES_UID_FOR_NOT_ALLOWED_CHARS=false in \
             OX's Resource.properties and restart OX.",
            "Die Ressource im Verzeichnisdienst umbenennen; oder in Resource.properties von OX \
             CHECK_RES_UID_FOR_NOT_ALLOWED_CHARS=false setzen und OX neu starten.",
        ),
    },
    Entry {
        code: "resource-incomplete",
        when: &[
            refused(
                "OXResourceService.",
                &[
                    "Mandatory fields not set: *",
                    "Invalid data sent!",
                    "Invalid resource name",
                    "One resourceobject has no resourceid or resourcename",
                    "Resourcename and resourceid missing!Cannot resolve resource data",
                ],
            ),
            own(&["OX wants a mail address for a new resource; *"]),
        ],
        means: both(
            "OX wants a name, a display name and a mail address of a resource.",
            "OX verlangt für eine Ressource Namen, Anzeigenamen und Mailadresse.",
        ),
        cure: both(
            "Set name, displayname and resourceMailAddress of the resource in the directory.",
            "name, displayname und resourceMailAddress der Ressource im Verzeichnisdienst setzen.",
        ),
    },
    Entry {
        code: "resource-missing",
        when: &[refused(
            "OXResourceService.",
            &[
                "Resource with this id does not exist",
                "Resource with this id does not exists",
                "resource with with this id does not exist",
                "No such resource *",
            ],
        )],
        means: both(
            "The resource is not in OX; perhaps somebody has deleted it there.",
            "Die Ressource ist nicht in OX; vielleicht wurde sie dort gelöscht.",
        ),
        cure: both(
            "Run drover resync on the resource, which makes it again.",
            "drover resync für die Ressource aufrufen, damit wird sie wieder angelegt.",
        ),
    },
];
