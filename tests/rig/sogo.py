"""SOGo 5, the groupware of attendees: it reads their mail in Dovecot and answers through Postfix."""

import base64
import http.cookiejar
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import LiteralString, Self
from uuid import uuid4
from xml.etree import ElementTree as ET

import psycopg

from rig.dovecot import DOMAIN, PASSWORD, Dovecot
from rig.ports import HOST, free_port
from rig.postfix import Postfix
from rig.postgres import Postgres
from rig.process import Daemon, account_or_self, find_program, give_to

_USERS = (
    "CREATE TABLE sogo_users (c_uid text PRIMARY KEY, c_name text, c_password text, c_cn text, mail text)"
)
_TABLES = {
    "SOGoProfileURL": "sogo_user_profile",
    "OCSFolderInfoURL": "sogo_folder_info",
    "OCSSessionsFolderURL": "sogo_sessions_folder",
    "OCSStoreURL": "sogo_store",
    "OCSAclURL": "sogo_acl",
    "OCSCacheFolderURL": "sogo_cache_folder",
    "OCSEMailAlarmsFolderURL": "sogo_alarms_folder",
}
# How SOGo numbers them, from nought.
_REPLIES = ("NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE")
_DATA = "{urn:ietf:params:xml:ns:caldav}calendar-data"
_EVERYTHING = (
    b'<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><c:calendar-data/></prop>'
    b'<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"/></c:comp-filter></c:filter>'
    b"</c:calendar-query>"
)


class Sogo:
    """A running SOGo whose users have their mailboxes in Dovecot and send through Postfix."""

    def __init__(self, folder: Path, dovecot: Dovecot, postfix: Postfix, postgres: Postgres) -> None:
        """Prepare a server in this folder, to be entered as a context."""
        self._sogod, self._memcached = find_program("sogod"), find_program("memcached")
        self._account = account_or_self("sogo")
        self._folder = folder
        self._daemons: list[Daemon] = []
        self._database = postgres.fresh_database().replace("+psycopg", "")
        self._port, self._memcached_port = free_port(), free_port()
        self._settings = self._configure(dovecot, postfix)
        folder.mkdir(parents=True)
        give_to(self._account, folder)
        self._query(_USERS)

    def __enter__(self) -> Self:
        memcached = [self._memcached, "-l", HOST, "-p", str(self._memcached_port)]
        # The command line comes before /etc/sogo/sogo.conf, the only file that SOGo would read.
        sogod = [self._sogod, *(word for key, value in self._settings.items() for word in (f"-{key}", value))]
        for command, port in ((memcached, self._memcached_port), (sogod, self._port)):
            log = self._folder / f"{Path(command[0]).name}.log"
            self._daemons.append(Daemon(command, account=self._account, log=log))
            self._daemons[-1].wait_for(port)
        return self

    def __exit__(self, *_: object) -> None:
        while self._daemons:
            self._daemons.pop().stop()

    def user(self) -> "SogoUser":
        """Add a user and log in."""
        name = f"u{uuid4().hex[:12]}"
        row = (name, name, PASSWORD, "Alice Example", f"{name}@{DOMAIN}")
        self._query("INSERT INTO sogo_users VALUES (%s, %s, %s, %s, %s)", *row)
        return SogoUser(f"http://{HOST}:{self._port}/SOGo/", name)

    def _query(self, statement: LiteralString, *values: str) -> None:
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute(statement, values)

    def _configure(self, dovecot: Dovecot, postfix: Postfix) -> dict[str, str]:
        directory = (
            f'({{ type = sql; id = directory; viewURL = "{self._database}/sogo_users"; canAuthenticate = YES; '
            "isAddressBook = NO; userPasswordAlgorithm = plain; MailFieldNames = (mail); })"
        )
        return {key: f"{self._database}/{table}" for key, table in _TABLES.items()} | {
            "SOGoUserSources": directory,
            "SOGoIMAPServer": f"imap://{dovecot.host}:{dovecot.imap_port}",
            "SOGoForceExternalLoginWithEmail": "YES",
            "SOGoMailingMechanism": "smtp",
            "SOGoSMTPServer": f"smtp://{postfix.host}:{postfix.smtp_port}",
            "SOGoMailDomain": DOMAIN,
            "SOGoAppointmentSendEMailNotifications": "YES",
            "SOGoMemcachedHost": f"{HOST}:{self._memcached_port}",
            "SOGoLanguage": "English",
            "SOGoTimeZone": "Europe/Zurich",
            "SOGoXSRFValidationEnabled": "NO",
            "WOPort": f"{HOST}:{self._port}",
            "WOWorkersCount": "1",
            "WONoDetach": "YES",
            "WOLogFile": "-",
            "WOPidFile": str(self._folder / "sogo.pid"),
        }


class SogoUser:
    """A user of SOGo, reading mail and pressing buttons; `address` is a mailbox of Dovecot."""

    def __init__(self, url: str, name: str) -> None:
        """Log in."""
        self.address = f"{name}@{DOMAIN}"
        self._url, self._name = url, name
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        self._post("connect", {"userName": name, "password": PASSWORD, "language": "English"})

    def buttons(self, imap_uid: int) -> set[str]:
        """What SOGo offers to do about the invitation in a mail of the INBOX, such as {"accept", "decline"}."""
        return set(re.findall(r"iCalendarAction\('(\w+)'\)", self._card(imap_uid)))

    def press(self, imap_uid: int, button: str) -> None:
        """Press a button that SOGo offers, as a person would."""
        card = self._card(imap_uid)
        assert f"iCalendarAction('{button}')" in card, f"no {button} in {card}"
        (path,) = re.findall(r'sg-imip-path="([^"]+)"', card)
        self._post(f"{self._mail(imap_uid)}/{path}/{button}", {})

    def answer(self, partstat: str, occurrence: datetime | None = None) -> None:
        """Answer in the calendar, where the buttons go after the first answer; it must hold one meeting only."""
        (name,) = self.calendar()
        one = f"/occurence{occurrence.timestamp():.0f}" if occurrence else ""  # SOGo's spelling
        fields = {"reply": _REPLIES.index(partstat), "alarm": {}}
        self._post(f"so/{self._name}/Calendar/personal/{name}{one}/rsvpAppointment", fields)

    def calendar(self) -> dict[str, str]:
        """Everything that the user's calendar holds, as iCalendar, by the names of the objects."""
        login = base64.b64encode(f"{self._name}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Depth": "1", "Content-Type": "text/xml"}
        answer = self._ask(f"dav/{self._name}/Calendar/personal/", "REPORT", _EVERYTHING, headers)
        found = ET.fromstring(answer).iter("{DAV:}response")  # noqa: S314 - our own server
        pairs = [(one.findtext("{DAV:}href", ""), one.findtext(f".//{_DATA}", "")) for one in found]
        return {href.rpartition("/")[2]: data for href, data in pairs}

    def _mail(self, imap_uid: int) -> str:
        return f"so/{self._name}/Mail/0/folderINBOX/{imap_uid}"

    def _card(self, imap_uid: int) -> str:
        """The HTML that shows the invitation."""
        parts = json.loads(self._ask(f"{self._mail(imap_uid)}/view"))["parts"]
        cards = [text for text in _texts(parts) if "sg-imip-path" in text]
        assert cards, f"SOGo shows no invitation in {parts}"
        return cards[0]

    def _post(self, path: str, fields: Mapping[str, object]) -> bytes:
        return self._ask(path, "POST", json.dumps(fields).encode(), {"Content-Type": "application/json"})

    def _ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - http on loopback
            self._url + path, body, dict(headers or {}), method=method
        )
        try:
            with self._opener.open(request, timeout=20) as answer:
                found: bytes = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from None
        return found


def _texts(value: object) -> Iterator[str]:
    """Every string in what was JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
