"""The words between us and an SMTP server: PIPELINING, connections that end, and delivery reports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from sending import HANG_UP, Scripted

import house
from rig.dovecot import DOMAIN, Dovecot
from rig.postfix import Postfix
from rsvpd.config import SmtpSettings
from rsvpd.mail.smtp import SmtpTransport
from rsvpd.ports import Refused, Sent, TransportLost, TransportUnavailable

RAW = b"From: <a@example.org>\r\nTo: <b@example.net>\r\n\r\n.one\r\n..two\r\n.\r\nthree\r\n"
ALL = ("PIPELINING", "SIZE 100000", "8BITMIME", "SMTPUTF8", "DSN")
BOTH = pytest.mark.parametrize("offers", [(), ("PIPELINING",)], ids=["plain", "pipelined"])


class Client:
    """A transport and what it sends."""

    def __init__(self, port: int, **keys: object) -> None:
        self.transport = SmtpTransport(SmtpSettings(**house.smtp(port, **keys)), "events: smtp")

    def send(
        self, recipient: str = "b@example.net", raw: bytes = RAW, envelope_id: str | None = None
    ) -> Sent | Refused:
        return self.transport.send("a@example.org", recipient, raw, envelope_id)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as scripted:
        yield scripted


@pytest.fixture
def client(server: Scripted) -> Iterator[Client]:
    made = Client(server.port)
    yield made
    made.transport.close()


@BOTH
class TestTransaction:
    def test_lines_that_begin_with_dots_arrive_as_they_are(
        self, server: Scripted, client: Client, offers: tuple[str, ...]
    ) -> None:
        server.offers = offers
        assert client.send() == Sent()
        assert server.content == [RAW]

    def test_many_mails_need_one_connection(
        self, server: Scripted, client: Client, offers: tuple[str, ...]
    ) -> None:
        server.offers = offers
        assert [client.send() for _ in range(5)] == [Sent()] * 5
        assert server.greetings == 1
        # After the EHLO: the envelope, then the content; without PIPELINING each command is waited for.
        assert server.groups == 1 + 5 * (2 if offers else 4)

    @pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "CONTENT"])
    @pytest.mark.parametrize("code", [450, 550])
    def test_a_refusal_is_that_mails_alone(
        self, server: Scripted, client: Client, offers: tuple[str, ...], verb: str, code: int
    ) -> None:
        server.offers = offers
        server.answers = {verb: f"{code} 1.2.3 no"}
        assert client.send() == Refused(f"{code} 1.2.3 no", permanent=code == 550)
        server.answers.clear()
        assert client.send() == Sent()
        assert server.greetings == 1

    def test_a_server_that_wants_content_for_nobody_gets_none(
        self, server: Scripted, client: Client, offers: tuple[str, ...]
    ) -> None:
        server.offers = offers
        server.answers = {"RCPT": "550 5.1.1 nobody", "CONTENT": "554 5.5.1 no valid recipients"}
        assert client.send() == Refused("550 5.1.1 nobody", permanent=True)
        assert server.content == ([b""] if offers else [])

    def test_a_server_that_hangs_up_after_a_refusal_has_refused(
        self, server: Scripted, client: Client, offers: tuple[str, ...]
    ) -> None:
        server.offers = offers
        server.answers = {"DATA": "550 5.7.1 go away", "RSET": HANG_UP}
        assert client.send() == Refused("550 5.7.1 go away", permanent=True)
        server.answers.clear()
        assert client.send() == Sent()

    def test_a_server_that_takes_so_many_mails_is_called_again(
        self, server: Scripted, client: Client, offers: tuple[str, ...]
    ) -> None:
        server.offers, server.closes_after = offers, 2
        assert [client.send() for _ in range(5)] == [Sent()] * 5
        assert server.greetings == 3

    @pytest.mark.parametrize(
        ("answers", "others_wait"),
        [
            ({"RCPT": HANG_UP}, False),
            ({"DATA": HANG_UP}, False),
            ({"CONTENT": HANG_UP}, True),
            ({"RCPT": "421 4.3.2 closing"}, True),
            ({"CONTENT": "421 4.3.2 closing"}, True),
            ({"RCPT": "nonsense"}, False),
        ],
    )
    def test_a_connection_that_ends_names_what_it_means_for_others(
        self,
        server: Scripted,
        client: Client,
        offers: tuple[str, ...],
        answers: dict[str, str],
        others_wait: bool,  # noqa: FBT001
    ) -> None:
        server.offers, server.answers = offers, answers
        with pytest.raises(TransportLost) as error:
            client.send()
        house.one_line_of(error)
        assert error.value.others_wait is others_wait
        server.answers = {}
        assert client.send() == Sent()

    def test_a_server_that_closes_at_once_is_away(
        self, server: Scripted, client: Client, offers: tuple[str, ...]
    ) -> None:
        server.offers, server.answers = offers, {"MAIL": "421 4.3.2 closing"}
        with pytest.raises(TransportUnavailable, match=r"events: smtp: 421 4\.3\.2 closing") as error:
            client.send()
        assert not isinstance(error.value, TransportLost)
        house.one_line_of(error)


class TestEnvelope:
    def test_it_says_what_the_server_offers(self, server: Scripted, client: Client) -> None:
        server.offers = ALL
        client.send("jürgen+x=y@example.net", envelope_id="1+2=3@example.org")
        client.send("bob+x=y@example.net", "ü".encode(), "x" * 101)

        of_mail = [line for line in server.heard if line.startswith("MAIL")]
        of_recipient = [line for line in server.heard if line.startswith("RCPT")]
        assert of_mail == [
            f"MAIL FROM:<a@example.org> SIZE={len(RAW)} SMTPUTF8 RET=HDRS ENVID=1+2B2+3D3@example.org",
            "MAIL FROM:<a@example.org> SIZE=2 BODY=8BITMIME RET=HDRS",
        ]
        assert of_recipient == [
            "RCPT TO:<jürgen+x=y@example.net> NOTIFY=FAILURE,DELAY",
            "RCPT TO:<bob+x=y@example.net> NOTIFY=FAILURE,DELAY ORCPT=rfc822;bob+2Bx+3Dy@example.net",
        ]

    def test_it_says_nothing_else(self, server: Scripted, client: Client) -> None:
        server.offers = ()
        client.send(envelope_id="x@example.org")
        refused = client.send("jürgen@example.net")

        assert server.heard[1:4] == ["MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>", "DATA"]
        assert isinstance(refused, Refused)
        assert refused.permanent
        assert "no SMTPUTF8" in refused.words

    def test_an_address_that_could_be_a_command_is_none(self, server: Scripted, client: Client) -> None:
        refused = client.send("b@example.net>\r\nRCPT TO:<c@example.net")
        assert isinstance(refused, Refused)
        assert refused.permanent
        assert not any(line.startswith(("MAIL", "RCPT")) for line in server.heard)

    def test_a_server_without_ehlo_takes_mails_too(self, server: Scripted, client: Client) -> None:
        server.answers = {"ehlo": "502 5.5.1 what"}
        assert client.send() == Sent()
        assert [line.split()[0].lower() for line in server.heard] == ["ehlo", "helo", "mail", "rcpt", "data"]

    def test_a_password_beyond_ascii_is_utf_8(self, server: Scripted) -> None:
        server.offers = ("AUTH PLAIN LOGIN",)
        server.answers = {"AUTH PLAIN AGphbmUAcMOkc3M=": "235 2.7.0 welcome"}
        client = Client(server.port, username="jane", password="päss")
        assert client.send() == Sent()
        client.transport.close()


class TestReports:
    """A real Postfix reports on what it could not deliver."""

    @pytest.fixture
    def file(self, tmp_path: Path, dovecot: Dovecot, postfix: Postfix, mailbox_user: str) -> Path:
        keys: house.Keys = {"imap": house.imap(dovecot, mailbox_user), "smtp": house.smtp(postfix.smtp_port)}
        return house.config(tmp_path, house.organizer(address=mailbox_user, **keys))

    def invite(self, file: Path, recipient: str) -> None:
        words = ["--uid", house.UID, "--summary", "Budget", "--start", f"{house.START:%Y-%m-%dT%H:%M}"]
        done = house.run(
            "--config", file, "meeting", "create", *words, "--duration", "1h", "--attendee", recipient
        )
        assert done.code == 0, done.err
        assert house.run("--config", file, "poll").code == 0

    def shown(self, file: Path) -> tuple[str, str]:
        (meeting,) = house.run("--config", file, "attendance", "--format", "json").objects
        (attendee,) = meeting["attendees"]
        return attendee["delivery"], attendee["delivery_detail"]

    def test_a_report_carries_our_envelope_id_and_shows_at_the_attendee(
        self, file: Path, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        self.invite(file, f"missing.person@{DOMAIN}")
        (report,) = house.eventually(lambda: dovecot.messages(mailbox_user))

        (mail,) = house.run(
            "--config", file, "outgoing", "list", "--status", "sent", "--format", "json"
        ).objects
        (envelope_id,) = re.findall(rb"(?m)^Original-Envelope-Id: (.*?)\r?$", report)
        assert f"<{envelope_id.decode()}>" == mail["message_id"]
        assert b"Original-Recipient: rfc822;missing.person@example.test" in report
        assert message_from_bytes(report).get_content_type() == "multipart/report"
        assert house.run("--config", file, "poll").out == "1 bounced\n"
        delivery, words = self.shown(file)
        assert delivery == "failed"
        assert "5.1.1" in words

    def test_the_envelope_id_is_enough_to_know_which_mail_it_was(
        self, file: Path, dovecot: Dovecot, mailbox_user: str, tmp_path: Path
    ) -> None:
        self.invite(file, f"missing.person@{DOMAIN}")
        (report,) = house.eventually(lambda: dovecot.messages(mailbox_user))
        report = re.sub(rb"(?im)^Message-ID: .*$", b"Message-ID: <of@somebody.else>", report)
        report = report.replace(b"missing.person@", b"forwarded@")
        (tmp_path / "report.eml").write_bytes(report)

        (row,) = house.run("--config", file, "ingest", tmp_path / "report.eml", "--format", "json").objects
        assert (row["outcome"], row["attendee"]) == ("bounced", f"missing.person@{DOMAIN}")
        assert self.shown(file)[0] == "failed"

    def test_a_mail_that_is_late_is_reported_too(
        self, file: Path, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        self.invite(file, f"busy.person@{DOMAIN}")
        house.eventually(lambda: dovecot.messages(mailbox_user))
        assert house.run("--config", file, "poll").out == "1 bounced\n"
        assert self.shown(file)[0] == "delayed"
