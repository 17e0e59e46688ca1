"""The demo's make-believe: its mail world, what its people read, and how they answer."""

import queue
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from zoneinfo import ZoneInfo

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from rsvpd.demo import clients
from rsvpd.demo.attendees import BOARD_UID, INVITED, UNINVITED, Attendees, expected_answers
from rsvpd.demo.clients import Client, Reply
from rsvpd.demo.invitation import Invitation, read_invitation
from rsvpd.demo.world import HOST, Delivered, MailWorld
from rsvpd.itip import mime
from rsvpd.itip.compose import Letter, compose
from rsvpd.itip.ics.reading import Unreadable, read
from rsvpd.itip.ics.writing import write
from rsvpd.itip.model import Attendee, Component, Meeting, Method, PartStat

ORGANIZER = "events@harbour.example"
UID = "0400$ a:b é@harbour.example"
START = datetime(2026, 12, 18, 18, 30, tzinfo=ZoneInfo("Europe/Zurich"))
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ALL_CLIENTS = [clients.google, clients.microsoft, clients.ios, clients.thunderbird]


def invitation_mail(recipient: str = "hana@example.com", *, uid: str = UID, sequence: int = 0) -> bytes:
    meeting = Meeting(
        uid=uid,
        organizer=ORGANIZER,
        start=START,
        end=START + timedelta(hours=4),
        summary="Dinner, at the boathouse; with an unusually long title so that it must be folded",
        zone="Europe/Zurich",
        location="Boathouse, Pier 4",
        sequence=sequence,
    )
    invited = [Attendee(recipient, "Somebody")]
    calendar = write(
        meeting, Method.REQUEST, attendees=invited, stamped_at=NOW, created_at=NOW, modified_at=NOW
    )
    return compose(
        ics=calendar,
        method=Method.REQUEST,
        letter=Letter("Invitation", "Come", "<p>Come</p>"),
        sender=(ORGANIZER, "Harbour Office"),
        recipient=(recipient, "Somebody"),
        message_id="<invitation@harbour.example>",
        date=NOW,
    )


def invitation() -> Invitation:
    found = read_invitation(invitation_mail())
    assert found
    return found


def reply(partstat: str = "ACCEPTED", **said: object) -> Reply:
    facts = {"name": "Élodie Martin", "address": "elodie@example.net", "decided_at": NOW, "sent_at": NOW}
    return Reply(partstat=partstat, **(facts | said))  # type: ignore[arg-type]


def components(mail: bytes) -> list[Component]:
    """What the daemon's own reader finds in each calendar part of a mail."""
    found: list[Component] = []
    for part in mime.read(mail).calendars:
        read_ = read(part.data, part.charset, part.method)
        assert not isinstance(read_, Unreadable)
        found += read_
    return found


@pytest.fixture
def world() -> Iterator[MailWorld]:
    with MailWorld(ORGANIZER) as running:
        yield running


@pytest.fixture
def imap(world: MailWorld) -> Iterator[IMAPClient]:
    client = IMAPClient(HOST, world.imap_port, ssl=False, timeout=10)
    client.login(ORGANIZER, world.password)
    client.select_folder("INBOX", readonly=True)
    yield client
    client.logout()


def send(world: MailWorld, content: bytes, *recipients: str) -> None:
    with smtplib.SMTP(HOST, world.smtp_port, timeout=10) as smtp:
        smtp.sendmail("somebody@example.com", recipients, content, mail_options=["BODY=8BITMIME"])


def inbox(client: IMAPClient) -> list[bytes]:
    client.noop()
    return [
        fetched[b"BODY[]"] for _, fetched in sorted(client.fetch(client.search(), ["BODY.PEEK[]"]).items())
    ]


def wait_for(look: Callable[[], list[bytes]], number: int) -> list[bytes]:
    deadline = time.monotonic() + 10
    while len(found := look()) < number and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(found) == number
    return found


class TestWorld:
    def test_mail_to_the_organizer_lies_in_the_inbox(self, world: MailWorld, imap: IMAPClient) -> None:
        send(world, "Subject: é\r\n\r\n.\r\nGrüezi\r\n".encode(), ORGANIZER, "Events+token@harbour.example")

        assert (
            inbox(imap)
            == ["Return-Path: <somebody@example.com>\r\nSubject: é\r\n\r\n.\r\nGrüezi\r\n".encode()] * 2
        )

    def test_mail_to_anybody_else_arrives_with_them(self, world: MailWorld, imap: IMAPClient) -> None:
        send(world, b"Subject: hello\r\n\r\n", "a@example.com", "b@example.net")

        first, second = world.arrivals.get(timeout=5), world.arrivals.get(timeout=5)
        assert [first.recipient, second.recipient] == ["a@example.com", "b@example.net"]
        assert first.content.endswith(b"Subject: hello\r\n\r\n")
        assert inbox(imap) == []

    def test_new_mail_wakes_an_idle_client(self, world: MailWorld, imap: IMAPClient) -> None:
        imap.idle()
        send(world, b"Subject: wake up\r\n\r\n", ORGANIZER)

        assert (1, b"EXISTS") in imap.idle_check(timeout=5)
        imap.idle_done()

    def test_a_sent_copy_can_be_filed(self, imap: IMAPClient) -> None:
        imap.append("Sent", b"Subject: copy\r\n\r\n")

        assert imap.select_folder("Sent")[b"EXISTS"] == 1

    def test_a_wrong_password_is_refused(self, world: MailWorld) -> None:
        client = IMAPClient(HOST, world.imap_port, ssl=False, timeout=10)
        with pytest.raises(LoginError):
            client.login(ORGANIZER, "wrong")
        client.shutdown()

    def test_it_ends_under_connections_that_are_still_open(self) -> None:
        before = threading.active_count()
        with MailWorld(ORGANIZER) as world:
            idle = IMAPClient(HOST, world.imap_port, ssl=False, timeout=10)
            idle.login(ORGANIZER, world.password)
            idle.select_folder("INBOX")
            idle.idle()
            half = smtplib.SMTP(HOST, world.smtp_port, timeout=10)
            half.ehlo()
            port = world.smtp_port

        assert threading.active_count() == before
        with pytest.raises(ConnectionRefusedError):
            smtplib.SMTP(HOST, port, timeout=10)
        half.close()
        idle.shutdown()


class TestInvitation:
    def test_it_is_read_as_it_stands_in_the_mail(self) -> None:
        found = invitation()

        assert (found.uid, found.sequence, found.organizer) == (UID, 0, ORGANIZER)
        assert found.summary.startswith("Dinner, at the boathouse; with")
        assert (found.start, found.end) == (START, START + timedelta(hours=4))
        assert found.message_id == "<invitation@harbour.example>"

    def test_other_mail_is_none(self) -> None:
        assert read_invitation(b"Subject: hello\r\n\r\nBEGIN:VCALENDAR") is None
        assert read_invitation(clients.google(invitation(), reply())) is None


@pytest.mark.parametrize("client", ALL_CLIENTS)
class TestReplies:
    @pytest.mark.parametrize("partstat", ["ACCEPTED", "TENTATIVE", "DECLINED"])
    def test_the_daemon_reads_the_answer(self, client: Client, partstat: str) -> None:
        found = components(client(invitation(), reply(partstat)))

        assert found
        for component in found:
            assert (component.method, component.uid, component.sequence) == (Method.REPLY, UID, 0)
            (attendee,) = component.attendees
            assert (attendee.address, attendee.partstat) == ("elodie@example.net", PartStat(partstat))
            assert (component.dtstamp, component.start) == (NOW, START)

    def test_the_mail_comes_from_the_attendee(self, client: Client) -> None:
        envelope = mime.read(client(invitation(), reply())).envelope

        assert (envelope.from_address, envelope.from_name) == ("elodie@example.net", "Élodie Martin")
        assert envelope.date == NOW
        assert ORGANIZER in envelope.recipients

    def test_a_comment_reaches_the_daemon(self, client: Client) -> None:
        first, *_ = components(client(invitation(), reply(comment="Gern, aber später; wie üblich")))

        assert "Gern, aber später; wie üblich" in (first.comment or first.attendees[0].comment or "")


class TestShapes:
    def test_google_sends_two_copies_in_another_name_and_counts_guests(self) -> None:
        mail = clients.google(invitation(), reply(guests=2))

        first, second = components(mail)
        assert first == second
        assert first.attendees[0].guests == 2
        assert b"\r\nSender: Google Calendar <" in mail
        assert b"\r\nAuto-Submitted: auto-generated\r\n" in mail

    def test_microsoft_names_no_organizer_and_a_windows_zone(self) -> None:
        mail = clients.microsoft(invitation(), reply("DECLINED", language="de"))

        (component,) = components(mail)
        assert component.organizer is None
        assert (component.summary or "").startswith("Abgelehnt: ")
        assert b"TZID=W. Europe Standard Time" in mime.read(mail).calendars[0].data

    def test_ios_writes_french_typography(self) -> None:
        mail = message_from_bytes(clients.ios(invitation(), reply(language="fr")))

        assert str(make_header(decode_header(mail["Subject"]))).startswith("Accepté\u00a0: ")

    def test_thunderbird_writes_the_same_subject_for_yes_and_no(self) -> None:
        yes, no = (
            mime.read(clients.thunderbird(invitation(), reply(said))) for said in ("ACCEPTED", "DECLINED")
        )

        assert yes.envelope.subject == no.envelope.subject


class TestAttendees:
    def test_all_answer_what_the_demo_expects(self, world: MailWorld, imap: IMAPClient) -> None:
        with Attendees(world.arrivals, world.smtp_port, pace=0):
            for person in INVITED:
                send(world, invitation_mail(person.address), person.address)
            answers = wait_for(lambda: inbox(imap), len(INVITED) + 2)

        said: dict[str, list[str]] = {}
        for mail in answers:
            (attendee,) = components(mail)[0].attendees
            assert attendee.address
            assert attendee.partstat
            said.setdefault(attendee.address, []).append(attendee.partstat.value)
        assert said.pop(UNINVITED.address) == ["ACCEPTED"]
        assert {address: last[-1] for address, last in said.items()} == expected_answers()
        assert said["grace.kim@fjord.example"] == ["TENTATIVE", "ACCEPTED"]

    def test_one_answers_the_board_meeting_before_it_was_moved(
        self, world: MailWorld, imap: IMAPClient
    ) -> None:
        with Attendees(world.arrivals, world.smtp_port, pace=0):
            for sequence in (1, 2):
                mail = invitation_mail(uid=BOARD_UID, sequence=sequence)
                send(world, mail, "isak@example.org", "bjorn.lindqvist@fjord.example")
            answers = wait_for(lambda: inbox(imap), 2)

        found = [components(mail)[0] for mail in answers]
        assert {(c.attendees[0].address, c.sequence) for c in found} == {
            ("isak@example.org", 1),
            ("bjorn.lindqvist@fjord.example", 2),
        }

    def test_they_leave_at_once_with_words_unsaid(self) -> None:
        arrivals: queue.SimpleQueue[Delivered] = queue.SimpleQueue()
        arrivals.put(Delivered("hana@example.com", invitation_mail()))
        started = time.monotonic()
        with Attendees(arrivals, smtp_port=1):
            time.sleep(0.2)

        assert time.monotonic() - started < 1
