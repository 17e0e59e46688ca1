"""Delivery failures told in words alone, as mail systems write them that follow no standard."""

from __future__ import annotations

from email import message_from_bytes

import pytest

from rsvpd.itip import bounces, notices
from rsvpd.itip.bounces import Bounce, Delivery

OURS = "Message-ID: <our-1@example.org>\nFrom: events@example.org\nTo: ann@example.com\nSubject: Invitation\n"
AS_MESSAGE = f"Content-Type: message/rfc822\n\n{OURS}\nCome!\n"


def mail(header: str, *parts: str) -> bytes:
    head = f'{header}Content-Type: multipart/mixed; boundary="out"\n\n'
    return (head + "".join(f"--out\n{part}\n" for part in parts) + "--out--\n").encode()


def words(text: str) -> str:
    return f"Content-Type: text/plain; charset=utf-8\n\n{text}\n"


def got(raw: bytes) -> tuple[Bounce, ...]:
    return bounces.read(message_from_bytes(raw))


DRAGONFLY = (
    "From: MAILER-DAEMON <>\nSubject: Mail delivery failed\n\nThis is the DragonFly Mail Agent.\n\n"
    "There was an error delivering your mail.\n\nmx.example.com did not like our final DATA:\n"
    f"550 5.7.26 Unauthenticated\n\nMessage headers follow.\n\n{OURS}"
).encode()
WORKMAIL = mail(
    "From: MAILER-DAEMON@mail.example.net\n"
    "Subject: =?iso-8859-15?Q?Delivery_Status_Notification_=28Failure=29?=\n",
    words("An error occurred.\n\nTechnical report:\n\nDiagnostic-Code: smtp; 550 5.1.1 no such user"),
    AS_MESSAGE,
)
TELEPHONE = mail(
    "From: Administrator <system@mms.example.net>\nSubject: Undeliverable Message\n",
    words("Error: No valid recipients for this MM"),
    AS_MESSAGE,
)
WARNING = mail(
    "From: mailer-daemon@mx.example.net\nSubject: Mail Delivery Status Notification\n",
    words("THIS IS A WARNING MESSAGE ONLY.\n\nMessage will be retried for 4 more day(s)"),
    AS_MESSAGE,
)
TOLD = {
    "dragonfly": (DRAGONFLY, Delivery.FAILED, "5.7.26"),
    "amazon workmail, in an encoded subject": (WORKMAIL, Delivery.FAILED, "5.1.1"),
    "a telephone company": (TELEPHONE, Delivery.FAILED, None),
    "a warning": (WARNING, Delivery.DELAYED, None),
}


@pytest.mark.parametrize(("raw", "action", "status"), TOLD.values(), ids=TOLD)
def test_a_notice_that_names_nobody_speaks_of_the_mail_it_returns(
    raw: bytes, action: Delivery, status: str | None
) -> None:
    (found,) = got(raw)
    assert (found.message_id, found.action, found.status) == ("<our-1@example.org>", action, status)
    assert found.text


SUBJECTS = (
    "Undeliverable: x",
    "Unzustellbar: x",
    "Non remis : x",
    "No se puede entregar: x",
    "Non recapitabile: x",
    "Onbestelbaar: x",
    "Não é possível entregar: x",
    "Niedostarczalne: x",
    "Недоставлено: x",
    "配信不能: x",
    "Delivery Status Notification (Failure)",
    "Mail System Error - Returned Mail",
    "Mail failure - malformed recipient address",
    "Mail delivery failed: returning message to sender",
    "E-Mail delivery error",
    "Delivery report",
    "Delivery notification: x",
    "Delivery failure",
    "Delivery has failed to these recipients",
    "failure notice",
    "Returned mail: see transcript for details",
    "Message delivery",
    "Warning: message still queued",
    "Warning: could not send message for past 4 hours",
    "There was an error sending your mail",
    "Não entregue: x",
    "Kunde inte levereras: x",
    "Kan ikke leveres: x",
    "Nedoručitelné: x",
    "Не удается доставить: x",  # noqa: RUF001  Russian
    "配信できません: x",
    "无法投递: x",
    "未能傳遞: x",
)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subjects_of_notices(subject: str) -> None:
    (found,) = got(mail(f"From: system@mx.example.net\nSubject: {subject}\n", words("Sorry."), AS_MESSAGE))
    assert found.message_id == "<our-1@example.org>"


DAEMONS = ("Mailer-Daemon", "mail-daemon", "MDaemon", "postmaster", "mailerdaemon")


@pytest.mark.parametrize("name", DAEMONS)
def test_senders_of_notices(name: str) -> None:
    (found,) = got(mail(f"From: {name}@mx.example.net\nSubject: x\n", words("Sorry."), AS_MESSAGE))
    assert found.message_id == "<our-1@example.org>"


LATE = (
    "Delayed: x",
    "This is a warning message only",
    "It will be retried",
    "We will retry for 2 days",
    "We are still trying",
    "It is still being retried",
    "You do not need to resend it",
    "You do not need to retry",
    "It has not yet been delivered",
    "Die Zustellung ist verzögert",
)


@pytest.mark.parametrize("said", LATE)
def test_words_of_a_delay(said: str) -> None:
    (found,) = got(mail("From: mailer-daemon@mx.example.net\nSubject: x\n", words(said), AS_MESSAGE))
    assert found.action is Delivery.DELAYED


DISPOSITION = "Content-Type: message/disposition-notification\n\nDisposition: manual-action; deleted\n"
FEEDBACK = "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
NO_NOTICES = {
    "somebody is away": mail("Return-Path: <>\nSubject: Automatic reply: x\n", words("Away."), AS_MESSAGE),
    "somebody forwards ours": mail("From: bob@example.com\nSubject: Fwd: x\n", words("Look."), AS_MESSAGE),
    "a receipt": mail(
        "From: postmaster@example.com\nSubject: Read: x\n", words("Read."), DISPOSITION, AS_MESSAGE
    ),
    "a complaint": mail("From: postmaster@example.com\nSubject: x\n", words("Spam."), FEEDBACK, AS_MESSAGE),
    "nothing is returned": mail("From: postmaster@example.com\nSubject: Undeliverable\n", words("Sorry.")),
}


@pytest.mark.parametrize("raw", NO_NOTICES.values(), ids=NO_NOTICES)
def test_no_notice_of_a_failure(raw: bytes) -> None:
    assert got(raw) == ()


def test_octets_in_the_header_of_a_notice() -> None:
    raw = DRAGONFLY.replace(b"MAILER-DAEMON <>", b"MAILER-DAEMON \xe9\xff <>").replace(
        b"Subject", b"X-Mailer: \xfc\nSubject"
    )
    assert [found.message_id for found in got(raw)] == ["<our-1@example.org>"]


def test_a_heuristic_that_breaks_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "all_failures", lambda _: {}.popitem())
    assert notices.addresses(message_from_bytes(DRAGONFLY)) == (frozenset(), frozenset())


def test_what_the_heuristics_see_is_bounded() -> None:
    leaf = words(("x" * 500 + "\n") * 100)
    nested = mail("", *(leaf for _ in range(50)), "Content-Type: multipart/mixed; boundary=no\n\nx")
    copy = notices._readable(message_from_bytes(nested), iter(range(notices._SCANNED_PARTS)))
    leaves = [part for part in copy.walk() if not part.is_multipart()]
    texts = [str(part.get_payload()) for part in leaves]
    assert len(leaves) <= notices._SCANNED_PARTS
    assert max(len(line) for text in texts for line in text.splitlines()) <= notices._LINE_CHARACTERS
    assert max(text.count("\n") for text in texts) <= notices._SCANNED_LINES
