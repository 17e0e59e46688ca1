"""Radicale, the CalDAV server from PyPI: every user has calendars of their own."""

import base64
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Self
from uuid import uuid4

from rig.ports import HOST, free_port
from rig.process import Daemon, account_or_self
from rig.tls import Certificates

PASSWORD = "secret"
_MAKE = (
    '<c:mkcalendar xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><set><prop>'
    "<displayname>{name}</displayname></prop></set></c:mkcalendar>"
)


class Radicale:
    """A running CalDAV server on loopback, over TLS if certificates are given."""

    host = HOST

    def __init__(self, folder: Path, certificates: Certificates | None = None) -> None:
        """Prepare a server in this folder, to be entered as a context."""
        self._folder = folder
        self._certificates = certificates
        self._daemon: Daemon | None = None
        self._tls = ssl.create_default_context(cafile=certificates.ca) if certificates else None
        self.port = free_port()
        self.url = f"{'https' if certificates else 'http'}://localhost:{self.port}/"
        folder.mkdir(parents=True)
        (folder / "users").touch()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, or start again on the same port; does nothing while running."""
        if self._daemon:
            return
        options = {
            "server-hosts": f"{HOST}:{self.port}",
            "auth-type": "htpasswd",
            "auth-htpasswd-filename": self._folder / "users",
            "auth-htpasswd-encryption": "plain",
            "auth-delay": 0,
            "storage-filesystem-folder": self._folder / "collections",
        }
        if self._certificates:
            keys = {"certificate": self._certificates.cert, "key": self._certificates.key}
            options |= {"server-ssl": "True"} | {f"server-{name}": file for name, file in keys.items()}
        command = [sys.executable, "-m", "radicale", "--config", ""]
        command += [f"--{name}={value}" for name, value in options.items()]
        log = self._folder / "radicale.log"
        self._daemon = Daemon(command, account=account_or_self("root"), log=log)
        self._daemon.wait_for(self.port)

    def stop(self) -> None:
        """End it at once."""
        if self._daemon:
            self._daemon.stop()
            self._daemon = None

    def user(self, *calendars: str) -> str:
        """Add a user with these calendars and return the name."""
        name = f"u{uuid4().hex[:12]}"
        with (self._folder / "users").open("a", encoding="utf-8") as users:
            users.write(f"{name}:{PASSWORD}\n")
        for number, calendar in enumerate(calendars):
            self.ask("MKCALENDAR", f"{name}/cal{number}/", _MAKE.format(name=calendar).encode())
        return name

    def objects(self, user: str, calendar: str = "cal0") -> list[bytes]:
        """Everything that a calendar of a user holds."""
        listed = self.ask("PROPFIND", f"{user}/{calendar}/", Depth="1").decode()
        hrefs = re.findall(r"<href>/([^<]*\.ics)</href>", listed)
        return [self.ask("GET", href) for href in sorted(set(hrefs))]

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """Send a request as the user that the path begins with, and return the body of the answer."""
        user = path.partition("/")[0]
        login = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310 - http on loopback
            urllib.parse.urljoin(self.url, path),
            data=body,
            method=method,
            headers={"Authorization": f"Basic {login}", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=10, context=self._tls) as answer:  # noqa: S310
                found: bytes = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from None
        return found
