"""The loop mail: through SMTP to the organizer's own address, and seen again over IMAP.

It is known by a Message-ID and a secret in its header, and nothing is taken away that lacks either.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from functools import partial

from rsvpd.checking import mailbox as mailboxes
from rsvpd.checking.authenticity import hints
from rsvpd.checking.findings import Doubt, Sheet, Told
from rsvpd.config import OrganizerSettings
from rsvpd.itip.addresses import domain, normalise
from rsvpd.mail.imap import ImapMailbox, probing
from rsvpd.mail.imap.probing import Arrived, OwnMail
from rsvpd.mail.probing import ProbeFailed
from rsvpd.ports import Refused, Transport

_FIELD = "X-Rsvpd-Check"
_LOOK_AGAIN = 0.5
_SKEW = timedelta(minutes=1)


@dataclass(slots=True)
class Loop:
    """One loop mail, and what became of it."""

    organizer: OrganizerSettings
    mailbox: ImapMailbox
    authserv_id: str | None
    until: float
    """Until when it is waited for, by `time.monotonic`."""
    mail: OwnMail = field(init=False)
    sent_at: datetime = field(init=False)
    seen_at: datetime = field(init=False)
    arrived: Arrived | None = None

    def __post_init__(self) -> None:
        self.sent_at = datetime.now(UTC)
        self.mail = _letter(self.organizer, self.sent_at)

    def examine(self, sheet: Sheet, transport: Transport) -> None:
        """Sends it, waits for it, looks at it, and takes it away."""
        sent = "loop sent"
        sheet.step(
            sent,
            lambda: self._sent(transport),
            needs=["smtp login", mailboxes.LOGIN],
            advice="check what the server says; it may not let this login send from that address",
        )
        sheet.step(
            "loop received",
            self._received,
            needs=[sent],
            advice="check that the address reaches this mailbox",
        )
        seen = ["loop received"]
        sheet.step("loop clock", self._clock, needs=seen, advice="try again")
        for method, told in hints(self._authentication_results(), self._from_domain(), self.authserv_id):
            sheet.step(f"loop {method}", partial(_told, told), needs=seen, advice="")
        if sheet.result(mailboxes.SENT) is not None:
            needs = [*seen, mailboxes.SENT]
            sheet.step("loop copy", self._copied, needs=needs, advice="check sent_folder and its rights")
        sheet.step("loop removed", self._removed, needs=seen, advice="delete the mail by hand")

    def _sent(self, transport: Transport) -> Told:
        address = normalise(self.organizer.address) or self.organizer.address
        self.sent_at = datetime.now(UTC)
        said = transport.send(address, address, self.mail.raw)
        if isinstance(said, Refused):
            raise ProbeFailed(
                f"the server does not take a mail from {address} to {address}: {said.words}",
                "let this login send from that address",
            )
        return f"from {address} to {address}"

    def _received(self) -> Told:
        junk = probing.junk_folder(self.mailbox)
        folders = self.organizer.imap.folders if self.organizer.imap else ()
        watched = [name for name in (junk if one == "\\Junk" else one for one in folders) if name]
        others = [junk] if junk and junk not in watched else []
        while self.arrived is None:
            self.arrived = probing.find(self.mailbox, self.mail, [*watched, *others])
            self.seen_at = datetime.now(UTC)
            if self.arrived is None and time.monotonic() > self.until:
                raise ProbeFailed(
                    f"not seen within {(self.seen_at - self.sent_at).total_seconds():.0f} s in {', '.join(watched)}",
                    f"see that mail to {self.organizer.address} reaches this mailbox and one of `folders`; "
                    "greylisting may take minutes (--timeout 10m)",
                )
            if self.arrived is None:
                time.sleep(_LOOK_AGAIN)
        took = f"{(self.seen_at - self.sent_at).total_seconds():.1f} s"
        if self.arrived.folder in others:
            return Doubt(
                f"arrived after {took}, but in {self.arrived.folder}: replies may end there too",
                f'add "{self.arrived.folder}" to folders, and see what is said of SPF, DKIM and DMARC',
            )
        return f"arrived in {self.arrived.folder} after {took}"

    def _clock(self) -> Told:
        stated = self.arrived.received_at if self.arrived else self.seen_at
        ahead, behind = stated - self.seen_at, self.sent_at - stated
        skew = max(ahead, behind)
        if skew <= _SKEW:
            return "the server's clock and ours agree to a minute"
        way = "ahead of" if ahead > behind else "behind"
        return Doubt(
            f"the server's clock is {skew.total_seconds():.0f} s {way} ours",
            "set this machine's clock by NTP, or have the server's set: which answer is newer hangs on it",
        )

    def _copied(self) -> Told:
        imap = self.organizer.imap
        folder = probing.sent_folder(self.mailbox, imap.sent_folder if imap else None) or ""
        refusal = probing.append(self.mailbox, self.mail, folder)
        if refusal is not None:
            raise ProbeFailed(
                f"{folder} takes no mail: {refusal}", "give the login the right to put mails there"
            )
        copy = probing.find(self.mailbox, self.mail, [folder])
        if copy is not None and probing.remove(self.mailbox, self.mail, copy):
            return f"{folder} takes mails; the copy was taken away again"
        return Doubt(f"{folder} takes mails; the copy stays there", f"delete {self.mail.message_id} by hand")

    def _removed(self) -> Told:
        arrived = self.arrived
        if arrived is not None and probing.remove(self.mailbox, self.mail, arrived):
            return f"taken away again from {arrived.folder}"
        return Doubt(
            "left where it is: the server cannot take away one mail alone (UIDPLUS)",
            f"delete {self.mail.message_id} by hand",
        )

    def _from_domain(self) -> str:
        return domain(normalise(_author(self.organizer)) or "")

    def _authentication_results(self) -> list[str]:
        header = BytesHeaderParser().parsebytes(self.arrived.header if self.arrived else b"")
        return [str(value) for value in header.get_all("Authentication-Results", [])]


def _told(told: Told) -> Told:
    return told


def _author(organizer: OrganizerSettings) -> str:
    return organizer.sender.address if organizer.sender else organizer.address


def _letter(organizer: OrganizerSettings, now: datetime) -> OwnMail:
    author = _author(organizer)
    secret = secrets.token_hex(16)
    message_id = f"<{secrets.token_hex(16)}@{domain(normalise(author) or 'localhost')}>"
    mail = EmailMessage(policy=SMTP)
    mail["From"] = formataddr((organizer.display_name or "", author))
    mail["To"] = organizer.address
    mail["Subject"] = "rsvpd check: a mail to ourselves"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 5: nobody shall answer
    mail[_FIELD] = secret
    mail.set_content("rsvpd sent this mail to see whether it arrives. You may delete it.\n")
    return OwnMail(message_id, _FIELD, secret, mail.as_bytes())
