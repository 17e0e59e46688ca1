"""The servers do what the other tests take for granted."""

import smtplib
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

import psycopg
import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from rig.dovecot import PASSWORD, Dovecot
from rig.postfix import Postfix
from rig.postgres import Postgres
from rig.smtpd import Smtpd

RAW = b"From: alice@example.test\r\nSubject: hello\r\n\r\nGood morning.\r\n"


def mail(sender: str, recipient: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, recipient, "hello"
    message.set_content("Good morning.")
    return message


def send(port: int, message: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as smtp:
        smtp.send_message(message)


def eventually(look: Callable[[], list[bytes]]) -> list[bytes]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    pytest.fail("nothing arrived within ten seconds")


def bounce_status(raw: bytes) -> str:
    bounce = message_from_bytes(raw, policy=policy.default)
    (report,) = (part for part in bounce.walk() if "delivery-status" in part.get_content_type())
    _message, recipient = cast("list[EmailMessage]", report.get_payload())
    return f"{recipient['Action']} {recipient['Status']}"


def test_an_appended_mail_is_read_back(dovecot: Dovecot, mailbox_user: str) -> None:
    dovecot.append(mailbox_user, RAW, folder="Replies", when=datetime(2026, 5, 1, 9, tzinfo=UTC))

    assert dovecot.messages(mailbox_user, "Replies") == [RAW]
    assert dovecot.flags(mailbox_user, "Replies") == {1: frozenset()}
    with dovecot.login(mailbox_user, "Replies") as client:
        arrived = client.fetch([1], ["INTERNALDATE"])[1][b"INTERNALDATE"]
    assert arrived.timestamp() == datetime(2026, 5, 1, 9, tzinfo=UTC).timestamp()


def test_tls_is_trusted_through_the_ca_file(dovecot: Dovecot, mailbox_user: str) -> None:
    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    with IMAPClient("localhost", dovecot.imaps_port, ssl_context=context) as client:
        client.login(mailbox_user, PASSWORD)
    with IMAPClient("127.0.0.1", dovecot.imap_port, ssl=False) as client:
        client.starttls(context)
        client.login(mailbox_user, PASSWORD)
        assert client.find_special_folder(b"\\Sent") == "Sent"


def test_a_changed_password_replaces_the_old_one(dovecot: Dovecot, mailbox_user: str) -> None:
    for password in ("first", "other"):
        dovecot.set_password(mailbox_user, password)
        with IMAPClient("127.0.0.1", dovecot.imap_port, ssl=False) as client:
            with pytest.raises(LoginError):
                client.login(mailbox_user, PASSWORD)
            client.login(mailbox_user, password)


def test_a_restart_keeps_the_mail(dovecot: Dovecot, mailbox_user: str) -> None:
    dovecot.deliver(mailbox_user, RAW)
    with dovecot.down(), pytest.raises(ConnectionRefusedError):
        dovecot.messages(mailbox_user)

    (raw,) = dovecot.messages(mailbox_user)
    assert raw.endswith(RAW)


def test_uidvalidity_can_change(dovecot: Dovecot, mailbox_user: str) -> None:
    dovecot.append(mailbox_user, RAW)
    dovecot.set_uidvalidity(mailbox_user, 4711)

    with dovecot.login(mailbox_user) as client:
        assert client.select_folder("INBOX")[b"UIDVALIDITY"] == 4711


def test_a_kick_says_bye_to_an_idle_client(dovecot: Dovecot, mailbox_user: str) -> None:
    client = IMAPClient(dovecot.host, dovecot.imap_port, ssl=False)
    client.login(mailbox_user, PASSWORD)
    client.select_folder("INBOX")
    client.idle()
    dovecot.kick(mailbox_user)

    assert client.idle_check(timeout=5)[0][0] == b"BYE"
    client.shutdown()


def test_postfix_delivers_into_the_mailbox(postfix: Postfix, dovecot: Dovecot, mailbox_user: str) -> None:
    send(postfix.smtp_port, mail("alice@example.test", mailbox_user))

    (raw,) = eventually(lambda: dovecot.messages(mailbox_user))
    assert b"Good morning." in raw


def test_postfix_submission_wants_tls_and_a_password(
    postfix: Postfix, dovecot: Dovecot, mailbox_user: str
) -> None:
    context = ssl.create_default_context(cafile=str(postfix.ca_file))
    message = mail(mailbox_user, mailbox_user)
    with smtplib.SMTP("localhost", postfix.submission_port) as smtp:
        with pytest.raises(smtplib.SMTPSenderRefused):
            smtp.send_message(message)
        smtp.starttls(context=context)
        smtp.login(mailbox_user, PASSWORD)
        smtp.send_message(message)
    with smtplib.SMTP_SSL("localhost", postfix.smtps_port, context=context) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(mailbox_user, "wrong")
        smtp.login(mailbox_user, PASSWORD)

    assert len(eventually(lambda: dovecot.messages(mailbox_user))) == 1


@pytest.mark.parametrize(
    ("recipient", "status"),
    [
        ("someone@nowhere.test", "failed 5.4.4"),
        ("missing@example.test", "failed 5.1.1"),
        ("busy@example.test", "delayed 4.2.1"),
    ],
)
def test_postfix_reports_what_it_cannot_deliver(
    postfix: Postfix, dovecot: Dovecot, mailbox_user: str, recipient: str, status: str
) -> None:
    send(postfix.smtp_port, mail(mailbox_user, recipient))

    (raw,) = eventually(lambda: dovecot.messages(mailbox_user))
    assert bounce_status(raw) == status


def test_fresh_databases_are_empty_and_apart(postgres: Postgres) -> None:
    one, other = (
        url.replace("+psycopg", "") for url in (postgres.fresh_database(), postgres.fresh_database())
    )
    with psycopg.connect(one) as connection:
        connection.execute("CREATE TABLE thing (id int)")
    with psycopg.connect(other) as connection:
        row = connection.execute("SELECT to_regclass('thing')").fetchone()
    assert row == (None,)


def test_the_sink_remembers_and_refuses(smtpd: Smtpd) -> None:
    smtpd.answers["bob@example.test"] = "550 5.1.1 unknown"
    with smtplib.SMTP(smtpd.host, smtpd.port) as smtp:
        refused = smtp.sendmail("a@example.test", ["bob@example.test", "c@example.test"], RAW)

    assert refused == {"bob@example.test": (550, b"5.1.1 unknown")}
    assert [(mail.recipients, mail.content) for mail in smtpd.taken] == [(("c@example.test",), RAW)]


def test_the_sink_can_put_off_drop_and_be_down(smtpd: Smtpd) -> None:
    message = mail("a@example.test", "b@example.test")
    smtpd.answer_to_data = "451 4.3.0 later"
    with pytest.raises(smtplib.SMTPDataError):
        send(smtpd.port, message)
    assert not smtpd.taken

    smtpd.answer_to_data = "250 2.0.0 taken"
    smtpd.drop_after_data = True
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(smtpd.port, message)
    assert len(smtpd.taken) == 1

    with smtpd.down(), pytest.raises(ConnectionRefusedError):
        send(smtpd.port, message)
