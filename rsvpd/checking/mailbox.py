"""An organizer's mailbox: login, capabilities, folders, where sent mails go, and the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from rsvpd.checking import servers
from rsvpd.checking.findings import Doubt, Sheet, Told
from rsvpd.config import ImapSettings, OrganizerSettings
from rsvpd.mail import probing as wires
from rsvpd.mail.imap import ImapMailbox, probing
from rsvpd.mail.imap.connecting import server_of
from rsvpd.mail.probing import ProbeFailed
from rsvpd.ports import MailboxUnavailable

LOGIN, SENT = "imap login", "imap sent"
_AHEAD = timedelta(minutes=2)
"""How far a mail may have come in in the future before a clock is wrong."""


def examine(sheet: Sheet, mailbox: ImapMailbox, organizer: OrganizerSettings, imap: ImapSettings) -> None:
    """Tries everything that reading the mailbox needs, and changes nothing in it."""
    ready = servers.examine(sheet, "imap", imap, server_of(imap)[1], wires.imap_starttls)
    sheet.step(
        LOGIN,
        partial(_logged_in, mailbox, imap),
        needs=servers.needed_for_login(organizer, imap, ready),
        advice=servers.login_advice(organizer, imap, "IMAP"),
    )
    sheet.step("imap capabilities", partial(_capable, mailbox), needs=[LOGIN], advice="try again")
    for folder in imap.folders:
        sheet.step(
            f"imap folder {folder}", partial(_there, mailbox, folder), needs=[LOGIN], advice="check folders"
        )
    if imap.save_sent:
        sheet.step(SENT, partial(_sent, mailbox, imap), needs=[LOGIN], advice="check sent_folder")
    first = imap.folders[0] if imap.folders else None
    if first is not None:
        needs = [f"imap folder {first}"]
        sheet.step("imap clock", partial(_clock, mailbox, first), needs=needs, advice="try again")


def _logged_in(mailbox: ImapMailbox, imap: ImapSettings) -> Told:
    probing.capabilities(mailbox)
    return f"logged in as {imap.username}"


def _capable(mailbox: ImapMailbox) -> Told:
    offered = probing.capabilities(mailbox)
    if not offered & {"IMAP4REV1", "IMAP4REV2"}:
        raise ProbeFailed("the server speaks no IMAP4rev1", "check host and port")
    known = ", ".join(sorted(offered & {"IDLE", "UIDPLUS", "SPECIAL-USE", "MOVE", "CONDSTORE"}))
    if "IDLE" not in offered:
        return Doubt(
            f"no IDLE; offers {known or 'nothing more'}",
            "nothing breaks; shorten poll_interval if replies are to be seen sooner",
        )
    return f"offers {known}"


def _there(mailbox: ImapMailbox, folder: str) -> Told:
    try:
        with mailbox.open(folder) as opened:
            return f"can be read, UIDVALIDITY {opened.state.uidvalidity}"
    except MailboxUnavailable as error:
        names = probing.folders(mailbox)
        if folder in names:
            raise
        raise ProbeFailed(
            f"there is no folder {folder}", f"write one of these into folders: {', '.join(names[:20])}"
        ) from error


def _sent(mailbox: ImapMailbox, imap: ImapSettings) -> Told:
    found = probing.sent_folder(mailbox, imap.sent_folder)
    if found is not None:
        return f"copies go to {found}; --loop tries to put one there"
    names = ", ".join(probing.folders(mailbox)[:20])
    if imap.sent_folder is not None:
        raise ProbeFailed(f"there is no folder {imap.sent_folder}", f"set sent_folder to one of: {names}")
    raise ProbeFailed(
        "the server marks no folder as the one for sent mails",
        f"set sent_folder to one of: {names}; or save_sent = false",
    )


def _clock(mailbox: ImapMailbox, folder: str) -> Told:
    """INTERNALDATE is the server's clock: what came in last cannot have come in later than now."""
    newest = probing.newest_arrival(mailbox, folder)
    now = datetime.now(UTC)
    if newest is None:
        return f"{folder} is empty; --loop compares the clocks"
    if newest > now + _AHEAD:
        return Doubt(
            f"the last mail in {folder} came in at {newest:%Y-%m-%d %H:%M:%S} UTC, and here it is {now:%H:%M:%S}",
            "set this machine's clock by NTP, or have the server's set",
        )
    return f"the last mail came in at {newest:%Y-%m-%d %H:%M} UTC; --loop compares the clocks"
