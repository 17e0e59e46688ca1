"""The steps before a login: name, port, certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rsvpd.checking.findings import Doubt, Sheet, Told
from rsvpd.config import OrganizerSettings, Security, ServerSettings
from rsvpd.config.values import is_loopback
from rsvpd.mail import probing
from rsvpd.mail.probing import Opening

OAUTH = "oauth"
"""The step that gets an access token."""
ENDS_SOON = timedelta(days=21)
"""A certificate that is not renewed by then will hardly be renewed by itself: most are 30 days before."""


def examine(sheet: Sheet, kind: str, server: ServerSettings, port: int, opening: Opening) -> str:
    """Tries how far one gets towards a server; the name of the step that a login needs."""
    dns, tcp, tls = f"{kind} dns", f"{kind} tcp", f"{kind} tls"
    sheet.step(dns, lambda: _resolved(server.host, port), advice="check host")
    sheet.step(tcp, lambda: _reached(server, port), needs=[dns], advice="check host and port")
    encrypted = server.security is not Security.NONE
    if encrypted or not is_loopback(server.host):
        sheet.step(
            tls,
            lambda: _certified(server, port, opening) if encrypted else _in_the_clear(server.host),
            needs=[tcp],
            advice="check ca_file",
        )
        return tls
    return tcp


def needed_for_login(organizer: OrganizerSettings, server: ServerSettings, ready: str) -> list[str]:
    """The steps that a login needs: the connection that is `ready`, and the token if it is by one."""
    return [ready, OAUTH] if _by_token(organizer, server) else [ready]


def login_advice(organizer: OrganizerSettings, server: ServerSettings, protocol: str) -> str:
    """What to do if the login is refused."""
    if _by_token(organizer, server):
        return f"see that the grant is for this mailbox, and that {protocol} is switched on for it"
    return f"see whether the provider wants an app password, or {protocol} to be switched on for the mailbox"


def _by_token(organizer: OrganizerSettings, server: ServerSettings) -> bool:
    return organizer.oauth is not None and bool(server.username) and not server.has_password


def _resolved(host: str, port: int) -> Told:
    found = probing.addresses(host, port)
    return f"{host} is {', '.join(found)}" if found != [host] else f"{host} is an address already"


def _reached(server: ServerSettings, port: int) -> Told:
    began = datetime.now(UTC)
    with probing.connected(server.host, port, server.timeout.total_seconds()):
        took = datetime.now(UTC) - began
    return f"connected to port {port} in {took / timedelta(milliseconds=1):.0f} ms"


def _certified(server: ServerSettings, port: int, opening: Opening) -> Told:
    now = datetime.now(UTC)
    found = probing.certificate(server, port, opening, now)
    left = found.ends_at - now
    if left < ENDS_SOON:
        return Doubt(
            f"the certificate ends on {found.ends_at:%Y-%m-%d}, in {left.days} days",
            "renew it on the server; mail stops on that day",
        )
    return f"{found.version}, certificate for {server.host} until {found.ends_at:%Y-%m-%d} ({left.days} days)"


def _in_the_clear(host: str) -> Told:
    return Doubt(
        f"nothing is encrypted, so anybody between here and {host} can read the password",
        'set security = "tls" or "starttls"',
    )
