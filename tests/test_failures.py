"""Reports of failures that do not name our mail or whom it was for: matched by what else they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

import house
from builders import Party
from house import ALICE, BOB, UID, Keys, invite
from rsvpd.app import App
from rsvpd.itip.trust import make_token
from rsvpd.store import queries
from rsvpd.taken_over import read

SECRET = "a secret of tests, long enough"
HEAD = 'From: MAILER-DAEMON@mx.example.net\r\nSubject: Undeliverable\r\nContent-Type: multipart/mixed; boundary="b"\r\n'
SORRY = "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
NOBODY = (
    "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nAction: failed\r\n"
    "Status: 5.1.1\r\n"
)
CALENDAR = (
    f"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:{UID}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def returned(fields: str = "", calendar: str = CALENDAR) -> str:
    """Our mail, of which a gateway took the Message-ID."""
    return f"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n{fields}Content-Type: text/calendar\r\n\r\n{calendar}"


def report(*parts: str, to: str = "events@example.org") -> bytes:
    return f"{HEAD}To: {to}\r\n\r\n{''.join(parts)}--b--\r\n".encode()


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A house that invited Alice and Bob, with reply tokens."""
    return _house(tmp_path, ALICE, BOB)


def _house(folder: Path, *people: Party) -> App:
    secret = folder / "secret"
    secret.write_text(SECRET)
    app = house.app_of(url=f"sqlite:///{folder}/rsvpd.db", reply_tokens=True, token_secret_file=str(secret))
    app.invitations.create({}, read(invite(UID, *people)))
    return app


def judged(app: App, raw: bytes) -> list[Keys]:
    (ingested,) = app.intake.ingest([("mail", raw)])
    with app.database.read() as session:
        (meeting,) = queries.attendance(session)
    app.database.close()
    failed = [one.email for one in meeting.attendees if one.delivery == "failed"]
    return [
        {"outcome": row.outcome, "uid": row.uid, "to": row.attendee, "failed": failed}
        for row in ingested.rows
    ]


def bounced(address: str | None) -> list[Keys]:
    return [{"outcome": "bounced", "uid": UID, "to": address, "failed": [address] if address else []}]


def token(number: int, address: str, secret: str = SECRET) -> str:
    return f"events+{make_token(secret.encode(), number, UID, address)}@example.org"


def test_the_to_of_what_is_returned_says_who_was_not_reached(app: App) -> None:
    raw = report(SORRY, returned("To: Bob Example <bob@example.com>\r\n"))
    assert judged(app, raw) == bounced(BOB.address)


@pytest.mark.parametrize("parts", [(SORRY,), (NOBODY,)], ids=["in words", "by the standard"])
def test_the_token_in_the_address_says_who_was_not_reached(app: App, parts: tuple[str, ...]) -> None:
    assert judged(app, report(*parts, to=token(2, BOB.address))) == bounced(BOB.address)


@pytest.mark.parametrize("parts", [(SORRY,), (NOBODY,)], ids=["in words", "by the standard"])
def test_a_token_that_is_not_true_says_nothing(app: App, parts: tuple[str, ...]) -> None:
    assert judged(app, report(*parts, to=token(2, BOB.address, "another secret"))) == []


def test_a_token_says_more_than_an_identifier_that_is_not_ours(app: App) -> None:
    raw = report(SORRY, returned("Message-ID: <theirs@relay.example>\r\n"), to=token(1, ALICE.address))
    assert judged(app, raw) == bounced(ALICE.address)


def test_the_uid_alone_names_the_only_attendee(tmp_path: Path) -> None:
    app = _house(tmp_path, ALICE)
    assert judged(app, report(SORRY, returned())) == bounced(ALICE.address)


def test_the_uid_alone_names_only_the_meeting_where_many_are_invited(app: App) -> None:
    assert judged(app, report(SORRY, returned())) == bounced(None)


@pytest.mark.parametrize(
    "parts",
    [(SORRY,), (NOBODY,), (SORRY, returned(calendar=CALENDAR.replace(UID, "x@example.org")))],
    ids=["nothing", "nothing by the standard", "the UID of another"],
)
def test_what_names_nothing_of_ours_is_none_of_our_business(app: App, parts: tuple[str, ...]) -> None:
    assert judged(app, report(*parts)) == []
