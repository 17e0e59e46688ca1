"""Access tokens for reading and for sending: every grant, against Dovecot, Postfix and an authorization server."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

import granting
import house
from granting import age, kept, log_in, look, oauth, open_house, organizer, tokens
from house import Keys
from rig.authorization import AuthorizationServer, Client
from rig.dovecot import PASSWORD, Dovecot
from rig.postfix import Postfix
from rsvpd.app import App
from rsvpd.mail import sasl
from rsvpd.ports import GrantRefused, LoginRefused, TransportUnavailable

BY_ITSELF = {"grant": "client-credentials"}
HOUR = 3600


@pytest.fixture
def client(authorization: AuthorizationServer, mailbox_user: str) -> Client:
    return authorization.register(mailbox_user)


def service_account(client: Client, folder: Path) -> Keys:
    file = str(client.write_key(folder / "key.json"))
    return {
        "grant": "service-account",
        "service_account_file": file,
        "client_id": None,
        "client_secret": None,
    }


@pytest.fixture
def app(tmp_path: Path, authorization: AuthorizationServer, dovecot: Dovecot, client: Client) -> App:
    """A house whose organizer logs in by client credentials."""
    return open_house(tmp_path, organizer(dovecot, oauth(authorization, client, **BY_ITSELF), client.mailbox))


@pytest.fixture
def granted(tmp_path: Path, authorization: AuthorizationServer, dovecot: Dovecot, client: Client) -> App:
    """A house whose organizer was allowed in by a person; the access token has run out."""
    made = open_house(tmp_path, organizer(dovecot, oauth(authorization, client), client.mailbox))
    log_in(made, client)
    return made


def grants_asked(client: Client) -> list[str]:
    return [form["grant_type"] for form in client.asked]


class TestGrants:
    def test_client_credentials_open_the_mailbox(self, app: App, client: Client) -> None:
        look(app)
        assert grants_asked(client) == ["client_credentials"]

    def test_a_refresh_token_opens_the_mailbox(self, granted: App, client: Client) -> None:
        look(granted)
        assert grants_asked(client) == ["refresh_token"]

    def test_a_service_account_signs_for_the_mailbox(
        self, tmp_path: Path, authorization: AuthorizationServer, dovecot: Dovecot, client: Client
    ) -> None:
        login = oauth(authorization, client, **service_account(client, tmp_path))
        look(open_house(tmp_path, organizer(dovecot, login, client.mailbox)))
        assert len(client.issued) == 1

    def test_a_subject_is_asked_for_instead_of_the_address(
        self, tmp_path: Path, authorization: AuthorizationServer, dovecot: Dovecot, client: Client
    ) -> None:
        login = oauth(authorization, client, **service_account(client, tmp_path), subject=client.mailbox)
        one = organizer(dovecot, login, client.mailbox) | {"address": "events@example.org"}
        look(open_house(tmp_path, one))
        assert len(client.issued) == 1

    def test_the_key_of_another_account_is_refused(
        self, tmp_path: Path, authorization: AuthorizationServer, dovecot: Dovecot, client: Client
    ) -> None:
        keys = service_account(client, tmp_path)
        client.write_key(tmp_path / "key.json", authorization.register("else@example.test").key)
        one = organizer(dovecot, oauth(authorization, client, **keys), client.mailbox)
        with pytest.raises(LoginRefused, match=r"Invalid JWT Signature\.; check that the service account"):
            look(open_house(tmp_path, one))

    @pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
    def test_both_mechanisms_log_in_and_say_why_not(
        self, app: App, client: Client, monkeypatch: pytest.MonkeyPatch, mechanism: str
    ) -> None:
        monkeypatch.setattr(sasl, "_MECHANISMS", (mechanism,))
        look(app)
        client.expire()
        with pytest.raises(LoginRefused, match=r'login refused for \S+ \(\{"status":.*check username'):
            look(app)

    def test_a_password_is_used_where_there_is_one(
        self, tmp_path: Path, authorization: AuthorizationServer, dovecot: Dovecot, client: Client
    ) -> None:
        one = organizer(dovecot, oauth(authorization, client), client.mailbox)
        one["imap"] |= {"password": PASSWORD}
        look(open_house(tmp_path, one))
        assert not client.asked


class TestSending:
    @pytest.fixture
    def sending(
        self,
        tmp_path: Path,
        authorization: AuthorizationServer,
        dovecot: Dovecot,
        postfix: Postfix,
        client: Client,
    ) -> App:
        keys = {"host": "localhost", "security": "starttls", "ca_file": str(postfix.ca_file)}
        smtp = house.smtp(postfix.submission_port, username=client.mailbox, **keys)
        login = oauth(authorization, client, **BY_ITSELF)
        return open_house(tmp_path, organizer(dovecot, login, client.mailbox, smtp=smtp))

    @pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
    def test_a_mail_is_sent_with_the_token_that_opens_the_mailbox(
        self,
        sending: App,
        dovecot: Dovecot,
        client: Client,
        monkeypatch: pytest.MonkeyPatch,
        mechanism: str,
    ) -> None:
        monkeypatch.setattr(sasl, "_MECHANISMS", (mechanism,))
        look(sending)
        with sending.transport(sending.settings.organizer[0]) as transport:
            transport.send(client.mailbox, client.mailbox, b"Subject: hello\r\n\r\nhello\r\n")

        (raw,) = house.eventually(lambda: dovecot.messages(client.mailbox))
        assert b"ESMTPSA" in raw
        assert len(client.asked) == 1

    @pytest.mark.parametrize("length", [24, 800])
    @pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
    def test_a_refused_token_is_renewed_once(
        self, sending: App, client: Client, monkeypatch: pytest.MonkeyPatch, mechanism: str, length: int
    ) -> None:
        monkeypatch.setattr(sasl, "_MECHANISMS", (mechanism,))
        client.length = length
        one = sending.settings.organizer[0]
        look(sending)
        client.expire()
        age(sending, 120)
        with sending.transport(one) as transport:
            assert "AUTH" in transport.extensions()
        assert len(client.asked) == 2

        client.expire()
        with sending.transport(one) as transport, pytest.raises(TransportUnavailable) as refused:
            transport.extensions()
        assert f"login refused for {client.mailbox} (535" in house.one_line_of(refused)
        assert len(client.asked) == 2

    def test_a_server_without_such_a_login_is_said(
        self,
        tmp_path: Path,
        authorization: AuthorizationServer,
        dovecot: Dovecot,
        postfix: Postfix,
        client: Client,
    ) -> None:
        login = oauth(authorization, client, **BY_ITSELF)
        smtp = house.smtp(postfix.smtp_port, username=client.mailbox)
        app = open_house(tmp_path, organizer(dovecot, login, client.mailbox, smtp=smtp))
        unable = pytest.raises(TransportUnavailable, match="offers no login by access token here")
        with app.transport(app.settings.organizer[0]) as transport, unable:
            transport.extensions()


class TestKeeping:
    def test_a_token_is_used_until_shortly_before_its_end(self, app: App, client: Client) -> None:
        look(app)
        age(app, HOUR - 301)
        look(app)
        assert len(client.asked) == 1
        age(app, 2)
        look(app)
        assert len(client.asked) == 2

    def test_a_token_for_a_minute_is_used_for_half_of_it(self, app: App, client: Client) -> None:
        client.lifetime = 60
        look(app)
        look(app)
        assert len(client.asked) == 1
        age(app, 31)
        look(app)
        assert len(client.asked) == 2

    def test_the_file_is_for_its_owner_alone(self, app: App) -> None:
        look(app)
        (file,) = app.settings.state_folder.glob("*.json")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(app.settings.state_folder.stat().st_mode) == 0o700
        assert {path.suffix for path in app.settings.state_folder.iterdir()} == {".json", ".lock"}

    def test_a_rotated_refresh_token_is_kept_at_once(self, granted: App, client: Client) -> None:
        client.rotates = True
        before = kept(granted).refresh_token
        for _ in range(3):
            look(granted)
            age(granted, HOUR)
        assert len(client.asked) == 3
        assert {kept(granted).refresh_token} == client.refresh_tokens
        assert kept(granted).refresh_token != before

    def test_many_at_once_spend_a_refresh_token_once(self, granted: App, client: Client) -> None:
        client.rotates = True
        client.slow = 0.2
        found: list[str] = []
        threads = [threading.Thread(target=lambda: found.append(tokens(granted).current())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert found == client.issued * 8

    def test_a_token_of_another_client_is_not_used(
        self, tmp_path: Path, authorization: AuthorizationServer, dovecot: Dovecot, app: App, client: Client
    ) -> None:
        look(app)
        other = authorization.register(client.mailbox)
        look(
            open_house(tmp_path, organizer(dovecot, oauth(authorization, other, **BY_ITSELF), client.mailbox))
        )
        assert (len(client.asked), len(other.asked)) == (1, 1)


class TestRefusedTokens:
    def test_a_token_that_ended_early_is_renewed_and_tried_again(self, app: App, client: Client) -> None:
        look(app)
        client.expire()
        age(app, 120)
        look(app)
        assert len(client.asked) == 2

    def test_one_that_another_process_renewed_is_taken(self, app: App, client: Client) -> None:
        look(app)
        old = kept(app).access_token
        client.expire()
        age(app, 120)
        look(app)
        assert tokens(app).renewed(old) == kept(app).access_token
        assert len(client.asked) == 2

    def test_a_new_one_that_is_refused_is_not_replaced_again_and_again(
        self, app: App, client: Client
    ) -> None:
        client.mailbox = "somebody.else@example.test"
        for _ in range(3):
            with pytest.raises(LoginRefused, match="the grant is for this mailbox"):
                look(app)
        assert len(client.asked) == 1

    def test_a_clock_that_was_set_back_does_not_keep_a_token_alive(self, app: App, client: Client) -> None:
        look(app)
        age(app, -7200)
        look(app)
        assert len(client.asked) == 2


class TestRevoked:
    def test_a_revoked_grant_says_what_to_run(self, granted: App, client: Client) -> None:
        look(granted)
        client.revoke()
        age(granted, 120)
        with pytest.raises(LoginRefused, match="run `rsvpd oauth login events`") as refused:
            look(granted)
        assert "has been expired or revoked" in house.one_line_of(refused)

    def test_without_a_login_so_far_too(
        self, tmp_path: Path, authorization: AuthorizationServer, dovecot: Dovecot, client: Client
    ) -> None:
        app = open_house(tmp_path, organizer(dovecot, oauth(authorization, client), client.mailbox))
        with pytest.raises(LoginRefused, match=r"no OAuth grant is kept in .*run `rsvpd oauth login events`"):
            look(app)
        assert not client.asked

    def test_check_says_which(
        self, tmp_path: Path, authorization: AuthorizationServer, dovecot: Dovecot, client: Client
    ) -> None:
        other = authorization.register(client.mailbox)
        good = organizer(dovecot, oauth(authorization, other, **BY_ITSELF), client.mailbox, smtp=None)
        bad = organizer(dovecot, oauth(authorization, client), client.mailbox, name="board", smtp=None)
        file = house.config(tmp_path, good, bad, state_directory=tmp_path / "state")
        app = open_house(tmp_path, bad)
        log_in(app, client)
        client.revoke()

        done = house.run("--config", file, "check", "--format", "json")
        found = {(row["organizer"], row["check"]): row for row in done.objects}
        assert done.code == 1
        assert found["events", "oauth"]["words"].startswith("access token good until 20")
        assert "run `rsvpd oauth login board`" in found["board", "oauth"]["words"]
        assert found["events", "imap login"]["result"] == "pass"
        assert found["board", "imap login"]["result"] == "skip"
        assert [key for key, row in found.items() if row["result"] == "fail"] == [("board", "oauth")]

    def test_nothing_is_stored_that_cannot_be_renewed(self, granted: App) -> None:
        from rsvpd.mail.oauth import Granted  # noqa: PLC0415  as rsvpd does

        with pytest.raises(GrantRefused, match="offline_access"):
            tokens(granted).keep(Granted("a-1", HOUR, None))
        assert granting.kept(granted).access_token == "a-old"
