//! What lies between drover and OX.

use super::super::Entry;
use super::super::when::{lost, page, unreachable};
use super::both;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "ox-refuses-connections",
        when: &[unreachable(&["*onnection refused*"])],
        means: both(
            "Nothing listens at OX's address: OX is not running, or the address or port is wrong.",
            "An der Adresse von OX hört niemand: OX läuft nicht, oder Adresse oder Port sind falsch.",
        ),
        cure: both(
            "Start OX (systemctl status open-xchange), or correct ox.soap_server (OX_SOAP_SERVER). \
             drover asks again by itself and then goes on.",
            "OX starten (systemctl status open-xchange), oder ox.soap_server (OX_SOAP_SERVER) \
             berichtigen. drover fragt von selbst wieder und macht dann weiter.",
        ),
    },
    Entry {
        code: "ox-name-unknown",
        when: &[unreachable(&["*dns error*"])],
        means: both(
            "The name of OX's server cannot be resolved to an address.",
            "Der Name des OX-Servers lässt sich nicht in eine Adresse auflösen.",
        ),
        cure: both(
            "Check the name in ox.soap_server (OX_SOAP_SERVER), and name service on this machine \
             (getent hosts NAME).",
            "Den Namen in ox.soap_server (OX_SOAP_SERVER) prüfen, und die Namensauflösung auf dieser \
             Maschine (getent hosts NAME).",
        ),
    },
    Entry {
        code: "ox-certificate",
        when: &[unreachable(&["*certificate*"])],
        means: both(
            "drover does not trust OX's certificate: it has run out, is for another name, or comes \
             from an authority that is not known here.",
            "drover vertraut dem Zertifikat von OX nicht: es ist abgelaufen, gilt für einen anderen \
             Namen, oder kommt von einer hier unbekannten Stelle.",
        ),
        cure: both(
            "Renew the certificate, use the name it is for in ox.soap_server, or name the authority's \
             file with ox.ca_file (REQUESTS_CA_BUNDLE).",
            "Das Zertifikat erneuern, in ox.soap_server den Namen verwenden, für den es gilt, oder die \
             Datei der Stelle mit ox.ca_file (REQUESTS_CA_BUNDLE) nennen.",
        ),
    },
    Entry {
        code: "ox-tls",
        when: &[unreachable(&[
            "*corrupt message*",
            "*fatal alert*",
            "*peer is incompatible*",
            "*tls handshake eof*",
        ])],
        means: both(
            "There is no encrypted connection to OX: it speaks plain HTTP on that port, or no version \
             of TLS that drover knows (1.2 and 1.3).",
            "Es kommt keine verschlüsselte Verbindung zu OX zustande: es spricht auf diesem Port \
             unverschlüsseltes HTTP, oder keine Fassung von TLS, die drover kennt (1.2 und 1.3).",
        ),
        cure: both(
            "Check scheme and port in ox.soap_server (http:// or https://), and the TLS settings of \
             the server.",
            "Schema und Port in ox.soap_server prüfen (http:// oder https://), und die \
             TLS-Einstellungen des Servers.",
        ),
    },
    Entry {
        code: "ox-no-route",
        when: &[unreachable(&["*o route to host*", "*etwork is unreachable*"])],
        means: both(
            "There is no way to OX's server in the network.",
            "Es gibt im Netz keinen Weg zum OX-Server.",
        ),
        cure: both(
            "Check the network, routes and firewalls between this machine and OX.",
            "Netz, Routen und Firewalls zwischen dieser Maschine und OX prüfen.",
        ),
    },
    Entry {
        code: "ox-connect-timeout",
        when: &[unreachable(&["*timed out*", "*deadline has elapsed*"])],
        means: both(
            "OX's server does not take connections in time: it is overloaded, or a firewall drops \
             them.",
            "Der OX-Server nimmt Verbindungen nicht rechtzeitig an: er ist überlastet, oder eine \
             Firewall verwirft sie.",
        ),
        cure: both(
            "Check the server's load, and firewalls on the way; ox.connect_timeout says how long drover \
             waits.",
            "Die Last des Servers prüfen, und Firewalls auf dem Weg; ox.connect_timeout sagt, wie lange \
             drover wartet.",
        ),
    },
    Entry {
        code: "answer-timeout",
        when: &[lost(&["*timed out*", "the answer paused for more than *"])],
        means: both(
            "OX did not answer in time. It may have done what it was asked; drover looks before it \
             tries again.",
            "OX hat nicht rechtzeitig geantwortet. Vielleicht hat es getan, was es sollte; drover sieht \
             nach, bevor es den nächsten Versuch macht.",
        ),
        cure: both(
            "Check load and database of OX (long queries, full disks). Deadlines are ox.read_deadline, \
             ox.write_deadline and ox.heavy_deadline.",
            "Last und Datenbank von OX prüfen (lange Abfragen, volle Platten). Die Fristen sind \
             ox.read_deadline, ox.write_deadline und ox.heavy_deadline.",
        ),
    },
    Entry {
        code: "answer-lost",
        when: &[lost(&[
            "*onnection reset*",
            "*connection closed*",
            "*roken pipe*",
            "the answer is empty",
            "the answer breaks off",
            "*end of file*",
            "*error reading a body*",
            "*decoding response body*",
            "*IncompleteMessage*",
        ])],
        means: both(
            "The connection to OX broke before the answer was there. OX may have done what it was \
             asked; drover looks before it tries again.",
            "Die Verbindung zu OX riss ab, bevor die Antwort da war. Vielleicht hat OX getan, was es \
             sollte; drover sieht nach, bevor es den nächsten Versuch macht.",
        ),
        cure: both(
            "Nothing is to be done if it happens now and then (a restart of OX). If it does not end, \
             look at OX's log and at proxies on the way.",
            "Kommt es gelegentlich vor (ein Neustart von OX), ist nichts zu tun. Hört es nicht auf, das \
             Log von OX und Proxys auf dem Weg ansehen.",
        ),
    },
    Entry {
        code: "gateway-bad",
        when: &[page(502, 502)],
        means: both(
            "A proxy in front of OX answers (502): it cannot reach OX behind it.",
            "Ein Proxy vor OX antwortet (502): er erreicht OX dahinter nicht.",
        ),
        cure: both(
            "Start OX, or mend the proxy's way to it. drover asks again by itself and then goes on.",
            "OX starten, oder den Weg des Proxys dorthin richten. drover fragt von selbst wieder und \
             macht dann weiter.",
        ),
    },
    Entry {
        code: "ox-unavailable",
        when: &[page(503, 503)],
        means: both(
            "OX or a proxy in front of it is not available at the moment (503): starting, being \
             maintained, or overloaded.",
            "OX oder ein Proxy davor ist gerade nicht verfügbar (503): im Start, in Wartung, oder \
             überlastet.",
        ),
        cure: both(
            "Wait, or end the maintenance. drover asks again by itself and then goes on.",
            "Warten, oder die Wartung beenden. drover fragt von selbst wieder und macht dann weiter.",
        ),
    },
    Entry {
        code: "gateway-timeout",
        when: &[page(504, 504)],
        means: both(
            "A proxy in front of OX did not want to wait any longer (504). OX may have done what it was \
             asked.",
            "Ein Proxy vor OX wollte nicht länger warten (504). Vielleicht hat OX getan, was es sollte.",
        ),
        cure: both(
            "Let the proxy wait for at least as long as drover does (ox.write_deadline, \
             ox.heavy_deadline), and look why OX is slow.",
            "Den Proxy mindestens so lange warten lassen wie drover (ox.write_deadline, \
             ox.heavy_deadline), und nachsehen, warum OX langsam ist.",
        ),
    },
    Entry {
        code: "too-many-requests",
        when: &[page(429, 429)],
        means: both(
            "OX or a proxy wants fewer requests (429).",
            "OX oder ein Proxy will weniger Anfragen (429).",
        ),
        cure: both(
            "Lower limits.calls_per_second or limits.max_in_flight, or exempt drover's address there.",
            "limits.calls_per_second oder limits.max_in_flight senken, oder drovers Adresse dort \
             ausnehmen.",
        ),
    },
    Entry {
        code: "service-not-there",
        when: &[page(404, 405), page(410, 410)],
        means: both(
            "There is no SOAP service at that address (404): OX without its administration services, \
             or another web server.",
            "An dieser Adresse gibt es keinen SOAP-Dienst (404): OX ohne seine Verwaltungsdienste, oder \
             ein anderer Webserver.",
        ),
        cure: both(
            "Correct ox.soap_server, install open-xchange-admin-soap, or let the proxy pass \
             /webservices on. drover config check tells which services are missing.",
            "ox.soap_server berichtigen, open-xchange-admin-soap installieren, oder den Proxy \
             /webservices weiterreichen lassen. drover config check nennt die fehlenden Dienste.",
        ),
    },
    Entry {
        code: "proxy-forbids",
        when: &[page(401, 401), page(403, 403), page(407, 407)],
        means: both(
            "Something in front of OX wants a login or forbids the way to /webservices.",
            "Etwas vor OX verlangt eine Anmeldung oder verbietet den Weg zu /webservices.",
        ),
        cure: both(
            "Allow drover's address there, or name OX's own address in ox.soap_server. If a proxy of \
             the environment is used, look at ox.proxy.",
            "drovers Adresse dort erlauben, oder in ox.soap_server die Adresse von OX selbst nennen. \
             Wird ein Proxy der Umgebung benutzt, ox.proxy ansehen.",
        ),
    },
    Entry {
        code: "request-too-large",
        when: &[page(413, 414)],
        means: both(
            "A proxy in front of OX does not let the message through because of its size.",
            "Ein Proxy vor OX lässt die Nachricht wegen ihrer Größe nicht durch.",
        ),
        cure: both(
            "Allow messages of 8 MB there (nginx: client_max_body_size, Apache: LimitRequestBody); or \
             make the user's picture smaller.",
            "Dort Nachrichten von 8 MB erlauben (nginx: client_max_body_size, Apache: \
             LimitRequestBody); oder das Bild des Benutzers verkleinern.",
        ),
    },
    Entry {
        code: "request-refused-on-the-way",
        when: &[page(400, 400), page(422, 422)],
        means: both(
            "Something in front of OX takes the message for a bad one: a proxy, or a firewall for web \
             applications.",
            "Etwas vor OX hält die Nachricht für unzulässig: ein Proxy, oder eine Firewall für \
             Webanwendungen.",
        ),
        cure: both(
            "Look at its log for the time of the fault, and exempt /webservices from its rules.",
            "In dessen Log zur Zeit der Störung nachsehen, und /webservices von seinen Regeln \
             ausnehmen.",
        ),
    },
    Entry {
        code: "redirected",
        when: &[page(300, 399)],
        means: both(
            "The address redirects to another one, and drover sends no passwords to where it was not \
             told to.",
            "Die Adresse leitet zu einer anderen um, und drover sendet keine Passwörter dorthin, wo es \
             nicht soll.",
        ),
        cure: both(
            "Name the address it redirects to in ox.soap_server; usually https:// is missing.",
            "In ox.soap_server die Adresse nennen, zu der umgeleitet wird; meist fehlt https://.",
        ),
    },
    Entry {
        code: "not-ox",
        when: &[page(200, 299)],
        means: both(
            "Something answers that is not OX's SOAP service: a web page.",
            "Es antwortet etwas, was nicht der SOAP-Dienst von OX ist: eine Webseite.",
        ),
        cure: both(
            "Correct ox.soap_server (OX_SOAP_SERVER): scheme, host and port of OX, without \
             /webservices.",
            "ox.soap_server (OX_SOAP_SERVER) berichtigen: Schema, Name und Port von OX, ohne \
             /webservices.",
        ),
    },
    Entry {
        code: "server-error",
        when: &[page(500, 501), page(505, 599)],
        means: both(
            "The web server has answered with an error page instead of SOAP.",
            "Der Webserver hat mit einer Fehlerseite statt mit SOAP geantwortet.",
        ),
        cure: both(
            "Look at the logs of OX and of the proxies in front of it.",
            "Die Logs von OX und der Proxys davor ansehen.",
        ),
    },
];
