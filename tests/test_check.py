"""`rsvpd check` against real servers: what works, and each thing that can be wrong with what to do about it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

import house
from house import Keys
from rig.dovecot import DOMAIN, PASSWORD, Dovecot
from rig.ports import HOST, free_port
from rig.postfix import Postfix
from rig.smtpd import Smtpd
from rig.tls import Certificates


def checked(folder: Path, *organizers: Keys, options: tuple[str, ...] = (), **settings: object) -> list[Keys]:
    """The findings, whose exit status says whether one failed, and of which each that is wrong has advice."""
    done = house.run(
        "--config", house.config(folder, *organizers, **settings), "check", "--format", "json", *options
    )
    assert done.err == ""
    assert done.code == int(any(one["result"] == "fail" for one in done.objects))
    for one in done.objects:
        assert bool(one["advice"]) == (one["result"] in {"fail", "warn"}), one
        assert "\n" not in one["words"]
    return done.objects


def found(findings: list[Keys], check: str, organizer: str = "events") -> Keys:
    (one,) = (f for f in findings if (f["organizer"], f["check"]) == (organizer, check))
    return one


def results(findings: list[Keys]) -> dict[str, str]:
    return {one["check"]: one["result"] for one in findings if one["organizer"]}


def with_tls(server: Dovecot, user: str, **keys: object) -> Keys:
    secure = {
        "host": "localhost",
        "port": server.imaps_port,
        "security": "tls",
        "ca_file": str(server.ca_file),
    }
    return house.organizer(smtp=None, imap=house.imap(server, user, **(secure | keys)))


@pytest.fixture(scope="module")
def stale(rig_folder: Path) -> Iterator[Dovecot]:
    """A server whose certificate ended yesterday."""
    with Dovecot(
        rig_folder / "stale", certificates=Certificates.create(rig_folder / "tls-stale", days=-1)
    ) as server:
        yield server


@pytest.fixture(scope="module")
def misnamed(rig_folder: Path) -> Iterator[Dovecot]:
    """A server whose certificate is for another name, and ends soon."""
    names = "DNS:mail.example.net"
    with Dovecot(
        rig_folder / "misnamed", certificates=Certificates.create(rig_folder / "tls-misnamed", names)
    ) as server:
        yield server


@pytest.fixture(scope="module")
def ending(rig_folder: Path) -> Iterator[Dovecot]:
    """A server whose certificate ends within three weeks."""
    with Dovecot(
        rig_folder / "ending", certificates=Certificates.create(rig_folder / "tls-ending", days=9)
    ) as server:
        yield server


class TestServers:
    def test_all_is_well(self, tmp_path: Path, dovecot: Dovecot, postfix: Postfix, mailbox_user: str) -> None:
        smtp = house.smtp(
            postfix.submission_port,
            host="localhost",
            security="starttls",
            ca_file=str(postfix.ca_file),
            username=mailbox_user,
            password=PASSWORD,
        )
        one = with_tls(dovecot, mailbox_user) | {"smtp": smtp}
        findings = checked(tmp_path, one)

        assert {one["result"] for one in findings} == {"pass"}
        assert list(results(findings)) == [
            *("smtp dns", "smtp tcp", "smtp tls", "smtp login", "smtp extensions"),
            *("imap dns", "imap tcp", "imap tls", "imap login", "imap capabilities"),
            *("imap folder INBOX", "imap sent", "imap clock"),
        ]
        ends = datetime.now(UTC) + timedelta(days=60)
        assert f"until {ends:%Y-%m-%d}" in found(findings, "imap tls")["words"]
        assert "IDLE" in found(findings, "imap capabilities")["words"]
        assert "PIPELINING" in found(findings, "smtp extensions")["words"]
        assert "Sent" in found(findings, "imap sent")["words"]

    def test_starttls_of_imap(self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str) -> None:
        one = with_tls(dovecot, mailbox_user, port=dovecot.imap_port, security="starttls")
        assert found(checked(tmp_path, one), "imap tls")["result"] == "pass"

    def test_an_authority_that_nobody_knows(
        self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str, stale: Dovecot
    ) -> None:
        findings = checked(tmp_path, with_tls(dovecot, mailbox_user, ca_file=str(stale.ca_file)))

        tls = found(findings, "imap tls")
        assert tls["result"] == "fail"
        assert "vouches" in tls["words"]
        assert "ca_file" in tls["advice"]
        left = {check: result for check, result in results(findings).items() if check > "imap tls"}
        assert not left
        assert [one["check"] for one in findings if one["result"] == "skip"] == [
            *("imap login", "imap capabilities", "imap folder INBOX", "imap sent", "imap clock")
        ]
        assert found(findings, "imap login")["words"] == "needs imap tls"

    def test_a_certificate_that_ended(self, tmp_path: Path, stale: Dovecot, mailbox_user: str) -> None:
        tls = found(checked(tmp_path, with_tls(stale, mailbox_user)), "imap tls")
        yesterday = datetime.now(UTC) - timedelta(days=1)
        assert (tls["result"], tls["words"]) == ("fail", f"the certificate ended on {yesterday:%Y-%m-%d}")

    def test_looking_closer_makes_nobody_less_strict(
        self, tmp_path: Path, stale: Dovecot, mailbox_user: str
    ) -> None:
        """The look at what is wrong must not leave behind a context that takes it."""
        one = with_tls(stale, mailbox_user)
        assert [found(checked(tmp_path, one), "imap tls")["result"] for _ in range(2)] == ["fail", "fail"]

    def test_a_certificate_that_ends_soon(self, tmp_path: Path, ending: Dovecot, mailbox_user: str) -> None:
        findings = checked(tmp_path, with_tls(ending, mailbox_user))
        tls = found(findings, "imap tls")
        assert tls["result"] == "warn"
        assert "in 8 days" in tls["words"]
        assert found(findings, "imap login")["result"] == "pass"

    def test_a_certificate_for_another_name(
        self, tmp_path: Path, misnamed: Dovecot, mailbox_user: str
    ) -> None:
        tls = found(checked(tmp_path, with_tls(misnamed, mailbox_user)), "imap tls")
        assert tls["words"] == "the certificate is for mail.example.net, not for localhost"

    def test_tls_where_there_is_none(self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str) -> None:
        tls = found(checked(tmp_path, with_tls(dovecot, mailbox_user, port=dovecot.imap_port)), "imap tls")
        assert tls["result"] == "fail"
        assert '"starttls"' in tls["advice"]

    def test_starttls_that_is_not_offered(self, tmp_path: Path, smtpd: Smtpd) -> None:
        one = house.organizer(smtp=house.smtp(smtpd.port, security="starttls"))
        findings = checked(tmp_path, one)
        assert "no STARTTLS" in found(findings, "smtp tls")["words"]
        assert found(findings, "smtp login")["result"] == "skip"

    def test_a_port_where_nothing_listens(self, tmp_path: Path) -> None:
        findings = checked(tmp_path, house.organizer(smtp=house.smtp(free_port())))
        assert results(findings) == {
            "smtp dns": "pass",
            "smtp tcp": "fail",
            "smtp login": "skip",
            "smtp extensions": "skip",
        }
        assert "nothing listens" in found(findings, "smtp tcp")["words"]

    def test_a_name_that_does_not_exist(self, tmp_path: Path) -> None:
        smtp = {"host": "nowhere.invalid", "security": "tls", "timeout": "2s"}
        findings = checked(tmp_path, house.organizer(smtp=smtp))
        assert found(findings, "smtp dns")["result"] == "fail"
        assert "nowhere.invalid" in found(findings, "smtp dns")["words"]
        assert {r for c, r in results(findings).items() if c != "smtp dns"} == {"skip"}

    def test_a_server_that_hangs_holds_up_nobody(
        self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        with socket.create_server((HOST, 0)) as silent:
            port = silent.getsockname()[1]
            hanging = house.organizer("one", smtp=house.smtp(port, timeout="60s"))
            well = house.organizer("two", smtp=None, imap=house.imap(dovecot, mailbox_user))
            began = time.monotonic()
            findings = checked(tmp_path, hanging, well, options=("--timeout", "3s"))

        assert time.monotonic() - began < 10
        assert found(findings, "smtp login", "one")["result"] == "fail"
        assert "no end after 3 s" in found(findings, "smtp login", "one")["words"]
        assert found(findings, "imap login", "two")["result"] == "pass"


class TestMailbox:
    def test_a_wrong_password(self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str) -> None:
        one = house.organizer(smtp=None, imap=house.imap(dovecot, mailbox_user, password="wrong"))
        findings = checked(tmp_path, one)
        assert "login refused" in found(findings, "imap login")["words"]
        assert "app password" in found(findings, "imap login")["advice"]
        assert found(findings, "imap folder INBOX")["result"] == "skip"

    def test_a_wrong_password_of_smtp(self, tmp_path: Path, postfix: Postfix, mailbox_user: str) -> None:
        login = {"username": mailbox_user, "password": "wrong", "ca_file": str(postfix.ca_file)}
        smtp = house.smtp(postfix.smtps_port, host="localhost", security="tls", **login)
        findings = checked(tmp_path, house.organizer(smtp=smtp))
        assert found(findings, "smtp tls")["result"] == "pass"
        assert "login refused" in found(findings, "smtp login")["words"]
        assert found(findings, "smtp extensions")["result"] == "skip"

    def test_a_folder_that_is_missing(self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str) -> None:
        imap = house.imap(dovecot, mailbox_user, folders=["INBOX", "Nowhere"], sent_folder="Gone")
        findings = checked(tmp_path, house.organizer(smtp=None, imap=imap))

        assert found(findings, "imap folder INBOX")["result"] == "pass"
        assert found(findings, "imap folder Nowhere")["words"] == "there is no folder Nowhere"
        assert "Archive, Drafts, INBOX, Junk, Sent, Trash" in found(findings, "imap folder Nowhere")["advice"]
        assert found(findings, "imap sent")["words"] == "there is no folder Gone"

    def test_a_clock_that_runs_ahead(self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str) -> None:
        later = datetime.now(UTC) + timedelta(hours=1)
        dovecot.append(mailbox_user, b"Subject: from the future\r\n\r\n", when=later)
        one = house.organizer(smtp=None, imap=house.imap(dovecot, mailbox_user))
        clock = found(checked(tmp_path, one), "imap clock")
        assert clock["result"] == "warn"
        assert "NTP" in clock["advice"]

    def test_nothing_is_changed(self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str) -> None:
        dovecot.append(mailbox_user, b"Subject: untouched\r\n\r\n")
        checked(tmp_path, house.organizer(smtp=None, imap=house.imap(dovecot, mailbox_user)))
        assert dovecot.flags(mailbox_user) == {1: frozenset()}
        assert dovecot.messages(mailbox_user, "Sent") == []


class Relay(Smtpd):
    """Hands over to a mailbox, with a header of the receiving server on top."""

    def __init__(self, dovecot: Dovecot, header: bytes = b"", folder: str = "INBOX") -> None:
        super().__init__()
        self._dovecot, self._header, self._folder = dovecot, header, folder

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        raw = self._header + (envelope.original_content or b"")
        (user,) = envelope.rcpt_tos
        if self._folder == "INBOX":
            self._dovecot.deliver(user, raw)
        else:
            self._dovecot.append(user, raw, self._folder)
        return await super().handle_DATA(server, session, envelope)


class TestLoop:
    def organizer(self, dovecot: Dovecot, user: str, port: int) -> Keys:
        return house.organizer(address=user, imap=house.imap(dovecot, user), smtp=house.smtp(port))

    def test_a_mail_goes_round_and_leaves_nothing(
        self, tmp_path: Path, dovecot: Dovecot, postfix: Postfix, mailbox_user: str
    ) -> None:
        dovecot.append(mailbox_user, b"Subject: somebody else's\r\nMessage-ID: <1@example.com>\r\n\r\n")
        one = self.organizer(dovecot, mailbox_user, postfix.smtp_port)
        findings = checked(tmp_path, one, options=("--loop",))

        assert found(findings, "loop sent")["result"] == "pass"
        assert "arrived in INBOX after" in found(findings, "loop received")["words"]
        assert found(findings, "loop clock")["result"] == "pass"
        assert "Sent takes mails" in found(findings, "loop copy")["words"]
        assert found(findings, "loop authentication")["result"] == "warn"
        assert found(findings, "loop removed")["result"] == "pass"
        (left,) = dovecot.messages(mailbox_user)
        assert b"somebody else's" in left
        assert dovecot.messages(mailbox_user, "Sent") == []

    def test_a_mail_that_does_not_arrive(
        self, tmp_path: Path, dovecot: Dovecot, smtpd: Smtpd, mailbox_user: str
    ) -> None:
        one = self.organizer(dovecot, mailbox_user, smtpd.port)
        findings = checked(tmp_path, one, options=("--loop", "--timeout", "8s"))

        assert found(findings, "loop received")["result"] == "fail"
        assert "not seen within" in found(findings, "loop received")["words"]
        assert found(findings, "loop removed")["result"] == "skip"
        (taken,) = smtpd.taken
        assert b"Auto-Submitted: auto-generated" in taken.content

    def test_a_mail_that_is_refused(
        self, tmp_path: Path, dovecot: Dovecot, smtpd: Smtpd, mailbox_user: str
    ) -> None:
        smtpd.answers[mailbox_user] = "550 5.7.1 not allowed"
        one = self.organizer(dovecot, mailbox_user, smtpd.port)
        findings = checked(tmp_path, one, options=("--loop",))
        assert "550 5.7.1 not allowed" in found(findings, "loop sent")["words"]
        assert found(findings, "loop received")["result"] == "skip"

    def test_it_is_found_among_junk(self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str) -> None:
        with Relay(dovecot, folder="Junk") as relay:
            findings = checked(
                tmp_path, self.organizer(dovecot, mailbox_user, relay.port), options=("--loop",)
            )
        received = found(findings, "loop received")
        assert received["result"] == "warn"
        assert '"Junk"' in received["advice"]
        assert dovecot.messages(mailbox_user, "Junk") == []

    def test_what_the_receiving_server_found_out(
        self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        header = (
            f"Authentication-Results: mx.example.test; spf=pass smtp.mailfrom=bounce.{DOMAIN};\r\n"
            " dkim=pass header.d=provider.example; dmarc=fail header.from=example.test\r\n"
        )
        with Relay(dovecot, header.encode()) as relay:
            one = self.organizer(dovecot, mailbox_user, relay.port)
            findings = checked(tmp_path, one, options=("--loop",), authserv_id="mx.example.test")

        assert found(findings, "loop spf")["result"] == "pass"
        assert "does not align with example.test" in found(findings, "loop dkim")["words"]
        assert found(findings, "loop dmarc")["words"] == "fail according to mx.example.test"
        assert "RFC 7489" in found(findings, "loop dmarc")["advice"]

    def test_another_server_than_the_one_that_is_believed(
        self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        with Relay(dovecot, b"Authentication-Results: in.example.test; spf=none\r\n") as relay:
            one = self.organizer(dovecot, mailbox_user, relay.port)
            findings = checked(tmp_path, one, options=("--loop",), authserv_id="mx.example.test")
        assert 'authserv_id = "in.example.test"' in found(findings, "loop authserv_id")["advice"]

    def test_only_its_own_mail_is_taken_away(
        self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        class Forger(Relay):
            async def handle_DATA(  # noqa: N802
                self, server: SMTP, session: Session, envelope: Envelope
            ) -> str:
                raw = envelope.original_content or b""
                lines = [line for line in raw.splitlines(True) if not line.startswith(b"X-Rsvpd-Check")]
                dovecot.deliver(mailbox_user, b"".join(lines))
                return await Smtpd.handle_DATA(self, server, session, envelope)

        with Forger(dovecot) as relay:
            one = self.organizer(dovecot, mailbox_user, relay.port)
            findings = checked(tmp_path, one, options=("--loop", "--timeout", "8s"))
        assert found(findings, "loop received")["result"] == "fail"
        assert len(dovecot.messages(mailbox_user)) == 1


class TestCommand:
    def test_a_line_each(self, tmp_path: Path, smtpd: Smtpd) -> None:
        one = house.organizer("one", smtp=house.smtp(smtpd.port))
        done = house.run("--config", house.config(tmp_path, one, house.organizer("two")), "check")

        assert done.code == 1
        lines = done.out.splitlines()
        assert [line.split(":")[0] for line in lines] == [
            *("pass  configuration", "pass  schema"),
            *(
                "pass  one smtp dns",
                "pass  one smtp tcp",
                "pass  one smtp login",
                "pass  one smtp extensions",
            ),
            *(
                "pass  two smtp dns",
                "fail  two smtp tcp",
                "skip  two smtp login",
                "skip  two smtp extensions",
            ),
        ]
        assert lines[7].endswith("nothing listens on port 1; check port, and that the server runs")

    def test_a_configuration_that_is_wrong_is_the_only_line(self, tmp_path: Path) -> None:
        done = house.run("--config", tmp_path / "missing.toml", "check", "--format", "json")
        assert done.code == 1
        assert (done.object["check"], done.object["result"]) == ("configuration", "fail")

    def test_a_database_that_is_away_fails(self, tmp_path: Path, smtpd: Smtpd) -> None:
        one = house.organizer(smtp=house.smtp(smtpd.port))
        target = house.config(tmp_path, one, database="postgresql://nobody@127.0.0.1:1/rsvpd")
        done = house.run("--config", target, "check")
        assert done.code == 1
        assert "fail  schema: database: " in done.out
        assert "pass  events smtp login" in done.out

    @pytest.mark.parametrize("words", ["soon", "-3s"])
    def test_a_timeout_that_is_none(self, tmp_path: Path, words: str) -> None:
        done = house.run("--config", house.config(tmp_path), "check", f"--timeout={words}")
        assert done.code == 2
        assert "duration" in done.err
