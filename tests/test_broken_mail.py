"""Mails that break: each gets its row or is passed over, and never holds up the others."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import house
from builders import CLIENTS, Facts, Party, google, odd, odd_ics
from house import ALICE, BOB, UID, facts, invite, plain_reply
from rig.dovecot import Dovecot
from rig.postgres import Postgres
from rsvpd.app import App
from rsvpd.intake import Polled
from rsvpd.itip.model import PartStat
from rsvpd.store import queries

Builder = Callable[[Facts], bytes]


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path, dovecot: Dovecot, mailbox_user: str) -> Iterator[App]:
    url = f"sqlite:///{tmp_path}/rsvpd.db"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.fresh_database()
    app = house.app_of(house.organizer(imap=house.imap(dovecot, mailbox_user)), url=url)
    app.invitations.import_ics(invite(UID, ALICE, BOB), "events")
    yield app
    app.database.close()


def poll(app: App) -> Polled:
    (organizer,) = app.settings.organizer
    with app.mailbox(organizer) as mailbox:
        return app.intake.poll(mailbox, "events", "INBOX")


def holds_up_nothing(app: App, dovecot: Dovecot, user: str, *mails: bytes) -> list[str]:
    """The outcomes of these mails, with an answer before and one behind them that both count."""
    bob = facts(attendee=BOB, partstat="TENTATIVE")
    with dovecot.login(user) as client:
        client.multiappend("INBOX", [google(bob), *mails, google(facts())])
    polled = poll(app)

    assert polled.mails == len(mails) + 2
    assert poll(app).mails == 0
    assert house.attendee(app.database, BOB.address).partstat is PartStat.TENTATIVE
    assert house.attendee(app.database).partstat is PartStat.ACCEPTED
    first, *others, last = house.outcomes(app.database)
    assert first == "applied"
    assert last in {"applied", "unchanged"}
    return others


def noise(seed: int) -> bytes:
    return random.Random(seed).randbytes(3_000)  # noqa: S311  no secret


def mangled(raw: bytes, seed: int) -> bytes:
    """A mail in which some bytes are others."""
    chance = random.Random(seed)  # noqa: S311
    broken = bytearray(raw)
    for _ in range(40):
        broken[chance.randrange(len(broken))] = chance.randrange(256)
    return bytes(broken)


def test_random_bytes(app: App, dovecot: Dovecot, mailbox_user: str) -> None:
    # Dovecot takes any bytes but NUL over APPEND.
    mails = [noise(seed).replace(b"\0", b"?") for seed in range(10)]

    assert holds_up_nothing(app, dovecot, mailbox_user, *mails) == []
    with app.database.read() as session:
        (view,) = queries.mailboxes(session)
    assert view.passed == 10


def test_random_bytes_that_say_they_are_a_calendar(app: App, dovecot: Dovecot, mailbox_user: str) -> None:
    head = b"From: alice@example.com\r\nContent-Type: text/calendar; method=REPLY\r\n\r\n"
    mails = [head + noise(seed).replace(b"\0", b"?") for seed in range(10)]

    assert holds_up_nothing(app, dovecot, mailbox_user, *mails) == ["unreadable"] * 10


def test_mails_with_some_bytes_wrong(app: App, dovecot: Dovecot, mailbox_user: str) -> None:
    whole = [build(facts(attendee=BOB, partstat="TENTATIVE")) for build in CLIENTS.values()]
    mails = [mangled(raw, seed).replace(b"\0", b"?") for raw in whole for seed in range(20)]
    holds_up_nothing(app, dovecot, mailbox_user, *mails)


def test_truncated_mails(app: App, dovecot: Dovecot, mailbox_user: str) -> None:
    whole = google(facts(attendee=BOB, partstat="TENTATIVE"))
    holds_up_nothing(app, dovecot, mailbox_user, *(whole[:end] for end in range(60, len(whole), 60)))


ZERO = "a \0 in a text"
ODD_TEXTS: dict[str, Callable[[], bytes]] = {
    "NUL in the UID": lambda: encoded(plain_reply(facts(uid="nul\0uid"))),
    "NUL in the comment": lambda: encoded(plain_reply(facts(partstat="DECLINED"), f"COMMENT:{ZERO}")),
    "NUL in the subject": lambda: headed(
        b"Subject: =?utf-8?q?NUL=00_here?=", google(facts(partstat="DECLINED"))
    ),
    "NUL in the sender": lambda: headed(b"From: =?utf-8?q?a=00b?= <alice@example.com>", plain_reply(facts())),
    "NUL in the address": lambda: headed(b'From: "a\\\0b"@example.com', plain_reply(facts())),
    "NUL in the Message-ID": lambda: headed(b"Message-ID: =?utf-8?q?=00?=@x", plain_reply(facts())),
    "surrogates in the subject": lambda: headed(
        b"Subject: \xff\xfe\xed\xa0\x80", google(facts(partstat="DECLINED"))
    ),
    "surrogates in an encoded word": lambda: headed(
        b"Subject: =?utf-16?b?ANg=?= =?utf-7?q?+2AA-?=", google(facts(partstat="DECLINED"))
    ),
    "surrogates in the sender": lambda: headed(
        b"From: \xff\xed\xa0\x80 <alice@\xff.com>", plain_reply(facts())
    ),
    "surrogates in the UID": lambda: plain_reply(facts(uid="UID")).replace(
        b"UID:UID", b"UID:\xff\xed\xa0\x80"
    ),
    "surrogates by another charset": lambda: plain_reply(facts(uid="+2AA-")).replace(b"utf-8", b"utf-7"),
    "surrogates in the parameters": lambda: plain_reply(facts()).replace(
        b"charset=utf-8", b"charset*=utf-16''%D8%00; method*0*=utf-7''+2AA-"
    ),
    "surrogates in the Message-ID": lambda: headed(b"Message-ID: <\xff\xed\xa0\x80@x>", plain_reply(facts())),
    "surrogates in References": lambda: headed(
        b"References: <\xff\xed\xa0\x80@x> =?x?y?z?=", b"Subject: y\r\n\r\nno"
    ),
    "surrogates in Authentication-Results": lambda: headed(
        b"Authentication-Results: \xff\xed; dmarc=pass", plain_reply(facts())
    ),
    "a SEQUENCE of 40 digits": lambda: plain_reply(facts()).replace(b"SEQUENCE:0", b"SEQUENCE:" + b"9" * 40),
    "a SEQUENCE beyond 32 bits": lambda: plain_reply(facts()).replace(b"SEQUENCE:0", b"SEQUENCE:4294967296"),
    "a SEQUENCE of eight digits": lambda: plain_reply(facts()).replace(b"SEQUENCE:0", b"SEQUENCE:999999999"),
    "the year 1": lambda: plain_reply(facts(), "RECURRENCE-ID;TZID=Asia/Tokyo:00010101T000000"),
    "the year 9999": lambda: plain_reply(facts(), "RECURRENCE-ID;TZID=America/New_York:99991231T235959"),
    "a Date at the end of time": lambda: headed(
        b"Date: Fri, 31 Dec 9999 23:59:59 -1200", plain_reply(facts())
    ),
    "a Date before time": lambda: headed(b"Date: Mon, 1 Jan 0001 00:00:00 +1200", plain_reply(facts())),
    "a DTSTAMP at the end of time": lambda: plain_reply(facts(), "X:1").replace(
        b"DTSTAMP:", b"DTSTAMP;TZID=America/New_York:99991231T235959\r\nX-DTSTAMP:"
    ),
    "a subject of a megabyte": lambda: headed(
        b"Subject: " + b"x " * 100_000, google(facts(partstat="DECLINED"))
    ),
    "a UID of 200,000 characters": lambda: plain_reply(facts(uid="u" * 200_000)),
    "a Message-ID of 100,000 characters": lambda: headed(
        b"Message-ID: <" + b"m" * 100_000 + b"@x>", plain_reply(facts(uid="x"))
    ),
    "an address of 100,000 characters": lambda: plain_reply(
        facts(attendee=Party("a" * 100_000 + "@x.org", ""))
    ),
    "a stray byte in base64": lambda: encoded(plain_reply(facts())).replace(b"\r\n\r\n", b"\r\n\r\n\xff"),
    "a thousand levels": lambda: b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" * 1000,
    "no colon anywhere": lambda: b"no header no body",
    "nothing": lambda: b"\r\n",
}


def encoded(raw: bytes) -> bytes:
    """The same mail in base64, which carries NUL."""
    head, _, body = raw.partition(b"\r\n\r\n")
    return head.replace(b"8bit", b"base64") + b"\r\n\r\n" + base64.encodebytes(body)


def headed(field: bytes, raw: bytes) -> bytes:
    """A mail with one header field exchanged."""
    name = field.split(b":")[0].lower() + b":"
    head, _, body = raw.partition(b"\r\n\r\n")
    rows: list[bytes] = []
    for row in head.split(b"\r\n"):
        if row[:1] in b" \t" and row and rows and rows[-1].lower().startswith(name):
            rows[-1] += row
        else:
            rows.append(row)
    kept = [row for row in rows if not row.lower().startswith(name)]
    return b"\r\n".join([field, *kept, b"", body])


@pytest.mark.parametrize("what", ODD_TEXTS)
def test_texts_that_no_database_takes(app: App, dovecot: Dovecot, mailbox_user: str, what: str) -> None:
    raw = ODD_TEXTS[what]()
    if b"\0" not in raw:
        holds_up_nothing(app, dovecot, mailbox_user, raw)
    assert {one.file for one in app.intake.ingest([("first", raw), ("second", google(facts()))])} == {
        "first",
        "second",
    }
    assert house.attendee(app.database).partstat is PartStat.ACCEPTED


def builders_in(module: ModuleType) -> dict[str, Builder]:
    """The functions of a module that make something out of facts."""
    own = {name: f for name, f in vars(module).items() if getattr(f, "__module__", "") == module.__name__}
    return {
        n: f
        for n, f in own.items()
        if n.islower() and n[0] != "_" and n not in {"mail", "around", "of_method"}
    }


ODDITIES = builders_in(odd) | {f"{n} (calendar)": odd.around(f) for n, f in builders_in(odd_ics).items()}


@pytest.mark.parametrize("what", ODDITIES)
def test_every_oddity(app: App, what: str) -> None:
    odd_one = ODDITIES[what](facts(partstat="TENTATIVE"))
    done = list(app.intake.ingest([("odd", odd_one), ("plain", google(facts(attendee=BOB)))]))

    assert [one.file for one in done] == ["odd", "plain"]
    assert done[1].rows[0].outcome == "applied"


def crowd(count: int, delegators: int, first: int = 0) -> bytes:
    """An answer that names a great many addresses."""
    rows = []
    for number in range(first, first + count):
        others = ",".join(f'"mailto:{number}.{n}@x.io"' for n in range(delegators))
        delegated = f";DELEGATED-FROM={others}" if others else ""
        rows.append(f"ATTENDEE;PARTSTAT=ACCEPTED{delegated}:mailto:{number}@x.io")
    return plain_reply(facts(), *rows)


def test_one_mail_with_forty_thousand_addresses(app: App, dovecot: Dovecot, mailbox_user: str) -> None:
    raw = crowd(1500, 25)
    assert len(raw) < 1024 * 1024

    assert len(holds_up_nothing(app, dovecot, mailbox_user, raw)) == 1


@pytest.mark.parametrize("app", ["postgresql"], indirect=True)
def test_many_mails_with_many_addresses_in_one_batch(app: App, dovecot: Dovecot, mailbox_user: str) -> None:
    mails = [crowd(1999, 0, first=number * 1999) for number in range(35)]

    assert len(holds_up_nothing(app, dovecot, mailbox_user, *mails)) == 35


def test_one_mail_with_a_hundred_answers_to_unknown_meetings(
    app: App, dovecot: Dovecot, mailbox_user: str
) -> None:
    one = plain_reply(facts()).partition(b"BEGIN:VEVENT")
    event = b"BEGIN:VEVENT" + one[2].partition(b"END:VCALENDAR")[0]
    events = b"".join(event.replace(UID.encode(), b"%d@example.org" % n) for n in range(100))
    raw = one[0] + events + b"END:VCALENDAR\r\n"

    assert holds_up_nothing(app, dovecot, mailbox_user, raw) == ["unknown_meeting"] * 100
