"""Large mails are fetched in part: whatever the shape, what is fetched says what the whole mail says."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace

import pytest

import house
from builders import CLIENTS
from builders.odd import NOT_ANSWERS, ODDITIES, SILENT
from builders.relayed import RELAYED, SEALED
from builders.text import entity, envelope, leaf, multipart
from house import facts
from rig.dovecot import DOMAIN, Dovecot
from rsvpd.itip.reading import Item, read_mail
from rsvpd.mail.imap import folder

MENDED_BY_NOBODY = {"other_delimiter", "in_place_of_the_header"}
"""A server takes these for other parts than we do; only a mail that is fetched whole is split anew."""
ANSWERED = facts(in_reply_to="1@example.org", comment="See you")
BUILT = {**CLIENTS, **ODDITIES, **NOT_ANSWERS, **SILENT, **RELAYED, **SEALED}
MAILS = {name: build(ANSWERED) for name, build in BUILT.items() if name not in MENDED_BY_NOBODY}
PER_RECIPIENT = b"Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\nAction: failed\r\n"


def returning(kind: str, body: bytes, status: str = "message/delivery-status") -> bytes:
    """A report with what it returns of our mail, past 100 kB of film."""
    parts = (leaf(status, None, PER_RECIPIENT), leaf("video/mp4", "base64", b"AAAA" * 25_000))
    header = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'
    return entity(envelope(facts(), "Failed", header), multipart("b", *parts, leaf(kind, None, body)))


OURS = b"Message-ID: <1@example.org>\r\nTo: a@b.example\r\n\r\nCome!\r\n"
REPORTS = {
    "a mail": returning("message/rfc822", OURS),
    "a mail with other letters": returning("message/global", OURS, "message/global-delivery-status"),
    "a header": returning("text/rfc822-headers", OURS),
    "a header as a message": returning("message/rfc822-headers", OURS),
    "a header with other letters": returning("message/global-headers", OURS),
}


def said(item: Item) -> object:
    """Of a mail that is returned only its header is fetched, so no UID."""
    bounce = replace(item.bounce, uid=None) if item.bounce else None
    return (item.source, item.component, item.problem is None, bounce, item.answer, item.note)


@pytest.fixture(scope="module")
def fetched(dovecot: Dovecot) -> Mapping[str, bytes]:
    """Every mail as it is fetched if it is large, by name."""
    user = f"reduced-{uuid.uuid4().hex[:12]}@{DOMAIN}"
    mails = MAILS | REPORTS
    app = house.app_of(house.organizer(imap=house.imap(dovecot, user)), url="sqlite://")
    (organizer,) = app.settings.organizer
    with dovecot.login(user) as client:
        client.multiappend("INBOX", list(mails.values()))
    with (
        pytest.MonkeyPatch.context() as patch,
        app.mailbox(organizer) as mailbox,
        mailbox.open("INBOX") as opened,
    ):
        patch.setattr(folder, "_WHOLE", 0)
        raws = [mail.raw for mail in opened.fetch(range(1, len(mails) + 1))]
    app.database.close()
    return dict(zip(mails, raws, strict=True))


@pytest.mark.parametrize("name", [*MAILS, *REPORTS])
def test_what_is_fetched_says_the_same(fetched: Mapping[str, bytes], name: str) -> None:
    whole = {**MAILS, **REPORTS}[name]
    reduced = read_mail(fetched[name])
    assert [said(item) for item in reduced.items] == [said(item) for item in read_mail(whole).items]
    assert reduced.envelope == read_mail(whole).envelope


@pytest.mark.parametrize("name", REPORTS)
def test_the_film_stays_where_it_is(fetched: Mapping[str, bytes], name: str) -> None:
    assert len(fetched[name]) < 10_000
