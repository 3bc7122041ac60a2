//! Contexts.

use super::super::Entry;
use super::super::when::{no_context, own, refused};
use super::both;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "context-missing",
        when: &[
            no_context(),
            refused(
                "",
                &[
                    "Context * does not exist",
                    "The context * does not exist!",
                    "Context does not exist",
                    "No such context *",
                ],
            ),
        ],
        means: both(
            "Context {context} is not in OX: it was never made, or was deleted there.",
            "Kontext {context} gibt es in OX nicht: er wurde nie angelegt oder dort gelöscht.",
        ),
        cure: both(
            "Provision the context's own object from the directory (save it once more, or run drover \
             resync on it), which makes it; or name a context in the object (oxContext) that is there. \
             drover tries again by itself.",
            "Das Objekt des Kontextes selbst aus dem Verzeichnisdienst provisionieren (noch einmal \
             speichern, oder drover resync), damit wird er angelegt; oder im Objekt (oxContext) einen \
             Kontext nennen, den es gibt. drover versucht es von selbst wieder.",
        ),
    },
    Entry {
        code: "context-taken",
        when: &[refused("", &["Context * already exists!"])],
        means: both(
            "OX already has a context of that number or name.",
            "In OX gibt es schon einen Kontext mit dieser Nummer oder diesem Namen.",
        ),
        cure: both(
            "Give the context another name in the directory. If it is the same context, made by hand \
             or by another tool: add its administrator to the credentials file, and drover takes it \
             over.",
            "Dem Kontext im Verzeichnisdienst einen anderen Namen geben. Ist es derselbe, von Hand \
             oder von einem anderen Werkzeug angelegt: seinen Administrator in die Datei der \
             Zugangsdaten eintragen, dann übernimmt ihn drover.",
        ),
    },
    Entry {
        code: "login-mapping-taken",
        when: &[refused(
            "OXContextService.",
            &[
                "Cannot map '*' to the newly created context. This mapping is already in use.",
                "A mapping with login info \"*\" already exists in the system!",
            ],
        )],
        means: both(
            "The context's name or one of its login mappings is a login mapping, or the number, of \
             another context.",
            "Der Name des Kontextes oder eine seiner Anmelde-Zuordnungen (login mapping) gehört schon \
             einem anderen Kontext, oder ist dessen Nummer.",
        ),
        cure: both(
            "Rename the context in the directory, or take the mapping from the other one in OX \
             (changecontext -L); look at mapping.login_mappings too.",
            "Den Kontext im Verzeichnisdienst umbenennen, oder dem anderen in OX die Zuordnung nehmen \
             (changecontext -L); auch mapping.login_mappings ansehen.",
        ),
    },
    Entry {
        code: "context-name-characters",
        when: &[refused("OXContextService.", &["Illegal chars: * in login mapping"])],
        means: both(
            "A context's name has to do as a login mapping: letters without umlauts, digits, and \
             $ % . + - _ only.",
            "Der Name eines Kontextes muss als Anmelde-Zuordnung taugen: nur Buchstaben ohne Umlaute, \
             Ziffern und $ % . + - _",
        ),
        cure: both(
            "Rename the context in the directory; no setting of OX allows more. Blanks and & are not \
             possible.",
            "Den Kontext im Verzeichnisdienst umbenennen; keine Einstellung von OX erlaubt mehr. \
             Leerzeichen und & sind nicht möglich.",
        ),
    },
    Entry {
        code: "context-number-invalid",
        when: &[refused("OXContextService.", &["The context identifier * is not allowed!"])],
        means: both(
            "OX takes no context with this number; it has to be 1 or more.",
            "OX nimmt keinen Kontext mit dieser Nummer; sie muss mindestens 1 sein.",
        ),
        cure: both(
            "Delete the context in the directory and create it with another number (contextid).",
            "Den Kontext im Verzeichnisdienst löschen und mit einer anderen Nummer (contextid) anlegen.",
        ),
    },
    Entry {
        code: "context-incomplete",
        when: &[refused(
            "OXContextService.",
            &[
                "Mandatory fields in context not set: *",
                "Mandatory fields in admin user not set: *",
                "Context or user not correct",
                "One contextobject has no contextid or contextname",
            ],
        )],
        means: both(
            "OX wants more of a new context or of its administrator than it was sent.",
            "OX will für einen neuen Kontext oder dessen Administrator mehr wissen, als gesendet wurde.",
        ),
        cure: both(
            "Fill in the fields that the fault names in the directory. If they are filled in, this is \
             a bug: please report it.",
            "Die in der Störung genannten Felder im Verzeichnisdienst ausfüllen. Sind sie ausgefüllt, \
             ist es ein Fehler: bitte melden.",
        ),
    },
    Entry {
        code: "combination-unknown",
        when: &[refused(
            "",
            &["No such access combination name *", "Invalid access combination name"],
        )],
        means: both(
            "OX does not know the combination of module rights by that name.",
            "OX kennt keine Kombination von Modulrechten mit diesem Namen.",
        ),
        cure: both(
            "Define it in OX's ModuleAccessDefinitions.properties, or use one that is there, such as \
             groupware_standard.",
            "Sie in ModuleAccessDefinitions.properties von OX eintragen, oder eine vorhandene nehmen, \
             etwa groupware_standard.",
        ),
    },
    Entry {
        code: "contexts-collide",
        when: &[refused("", &["FLD-0033 *No admin user found in context *"])],
        means: both(
            "OX was making several contexts at once and got in its own way. Nothing was made.",
            "OX legte mehrere Kontexte zugleich an und kam sich dabei selbst in die Quere. Angelegt \
             wurde nichts.",
        ),
        cure: both(
            "Nothing is to be done: drover tries again by itself. If it happens often, keep \
             limits.max_context_creates at 1, and let nothing else make contexts meanwhile.",
            "Es ist nichts zu tun: drover versucht es von selbst wieder. Kommt es oft vor, \
             limits.max_context_creates auf 1 lassen, und währenddessen nichts anderes Kontexte \
             anlegen lassen.",
        ),
    },
    Entry {
        code: "context-leftovers",
        when: &[refused("", &["FLD-0038 *Duplicate entry *"])],
        means: both(
            "A context of that number was deleted before, and OX stumbles once over what is left of \
             it.",
            "Ein Kontext mit dieser Nummer wurde früher gelöscht, und OX stolpert einmal über dessen \
             Reste.",
        ),
        cure: both(
            "Nothing is to be done: the next try usually succeeds, and drover makes it by itself.",
            "Es ist nichts zu tun: der nächste Versuch gelingt meist, und drover macht ihn von selbst.",
        ),
    },
    Entry {
        code: "context-protected",
        when: &[own(&["context * holds * protected objects, *"])],
        means: both(
            "Context {context} is to be deleted, and holds objects that the settings protect.",
            "Kontext {context} soll gelöscht werden und enthält Objekte, die in den Einstellungen \
             geschützt sind.",
        ),
        cure: both(
            "Take them out of the settings' section [protect] or move them to another context; or drop \
             the item, and the context stays.",
            "Sie aus dem Abschnitt [protect] der Einstellungen nehmen oder in einen anderen Kontext \
             verschieben; oder das Element verwerfen, dann bleibt der Kontext.",
        ),
    },
];
