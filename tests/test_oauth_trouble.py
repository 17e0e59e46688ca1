"""What goes wrong with access tokens: one clear line, tried again where that helps, and no secret told."""

from __future__ import annotations

import json
import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import house
from granting import age, kept, log_in, look, oauth, open_house, organizer, tokens
from house import Keys
from rig.authorization import AuthorizationServer, Client, Refusal
from rig.dovecot import Dovecot
from rig.ports import free_port
from rsvpd.app import App
from rsvpd.config import ConfigInvalid
from rsvpd.ports import CouldNot, LoginRefused, MailboxUnavailable, TokenUnavailable, TransportUnavailable

BY_ITSELF = {"grant": "client-credentials"}
NOBODY = 65_534


@pytest.fixture
def client(authorization: AuthorizationServer, mailbox_user: str) -> Client:
    return authorization.register(mailbox_user)


@pytest.fixture
def one(authorization: AuthorizationServer, dovecot: Dovecot, client: Client) -> Keys:
    """An organizer who logs in by client credentials."""
    return organizer(dovecot, oauth(authorization, client, **BY_ITSELF), client.mailbox)


@pytest.fixture
def app(tmp_path: Path, one: Keys) -> App:
    return open_house(tmp_path, one)


@pytest.fixture
def granted(tmp_path: Path, authorization: AuthorizationServer, dovecot: Dovecot, client: Client) -> App:
    """A house whose organizer was allowed in by a person; the access token has run out."""
    made = open_house(tmp_path, organizer(dovecot, oauth(authorization, client), client.mailbox))
    log_in(made, client)
    return made


def trouble(app: App) -> str:
    """The one line that opening the mailbox ends in."""
    with pytest.raises(CouldNot) as error:
        look(app)
    return house.one_line_of(error)


class TestEndpoints:
    @pytest.mark.parametrize(
        ("status", "kind", "body", "words"),
        [
            (500, "text/html", "<h1>Oops</h1>", "answers 500 Internal Server Error"),
            (503, "application/json", '{"error": "x"}', "answers 503 Service Unavailable"),
            (404, "text/html", "<h1>Not here</h1>", "answers 404 Not Found"),
            (429, "text/html", "slow down", "answers 429 Too Many Requests"),
            (302, "text/html", "/elsewhere", "redirects elsewhere; check the address"),
            (
                200,
                "text/html",
                "<h1>Log in to the hotel</h1>",
                "makes no sense (Token endpoint response is not a JSON",
            ),
            (200, "application/json", "[]", "makes no sense"),
            (200, "application/json", "{}", "makes no sense (no access token in the answer)"),
            (200, "application/json", '{"access_token": "a\\u0001b"}', "makes no sense (no access token"),
            (200, "application/json", '{"access_token": "a b"}', "makes no sense (no access token"),
            (200, "application/json", '{"access_token": 7}', "makes no sense (no access token"),
            (200, "application/json", '{"access_token": "a", "expires_in": "soon"}', "makes no sense"),
            (200, "application/json", '{"access_token": "a", "expires_in": NaN}', "makes no sense"),
            (200, "application/json", '{"access_token": "a", "expires_in": -5}', "makes no sense"),
            (400, "application/json", '{"error": {"code": 7}}', "check [organizer.oauth]"),
            (400, "application/json", '{"error": "temporarily_unavailable"}', "temporarily_unavailable"),
            (400, "application/json", '{"error": "invalid_scope"}', "invalid_scope; check [organizer.oauth]"),
        ],
    )
    def test_an_answer_of_another_kind_is_one_line(
        self, app: App, client: Client, status: int, kind: str, body: str, words: str
    ) -> None:
        client.fault = (status, kind, body)
        said = trouble(app)
        assert said.startswith("events: oauth 127.0.0.1: ")
        assert words in said

        client.fault = None
        look(app)

    def test_away(self, tmp_path: Path, one: Keys) -> None:
        one["oauth"] |= {"token_endpoint": f"http://127.0.0.1:{free_port()}/token"}
        assert trouble(open_house(tmp_path, one)) == "events: oauth 127.0.0.1: connection refused"

    def test_silent(self, tmp_path: Path, one: Keys, client: Client) -> None:
        one["oauth"] |= {"timeout": "1s"}
        client.slow = 3
        assert trouble(open_house(tmp_path, one)) == "events: oauth 127.0.0.1: no answer in time"

    def test_a_certificate_that_nobody_signed(self, tmp_path: Path, one: Keys, dovecot: Dovecot) -> None:
        """Any server with TLS does: it is not even asked."""
        one["oauth"] |= {"token_endpoint": f"https://localhost:{dovecot.imaps_port}/token"}
        said = trouble(open_house(tmp_path, one))
        assert said.startswith("events: oauth localhost: the certificate cannot be trusted: ")

    def test_a_certificate_of_a_given_authority(self, tmp_path: Path, one: Keys, dovecot: Dovecot) -> None:
        one["oauth"] |= {
            "token_endpoint": f"https://localhost:{dovecot.imaps_port}/token",
            "ca_file": str(dovecot.ca_file),
        }
        said = trouble(open_house(tmp_path, one))
        assert "certificate" not in said

    def test_what_passes_is_told_apart_from_what_does_not(self, app: App, client: Client) -> None:
        client.fault = (500, "text/html", "")
        with pytest.raises(MailboxUnavailable) as passing:
            look(app)
        client.fault = None
        client.refusal = Refusal("invalid_client")
        with pytest.raises(LoginRefused):
            look(app)
        assert not isinstance(passing.value, LoginRefused)

    def test_an_old_token_is_used_while_none_can_be_had(self, app: App, client: Client) -> None:
        look(app)
        age(app, 3600 - 200)
        client.fault = (500, "text/html", "")
        look(app)
        age(app, 190)
        assert "answers 500" in trouble(app)

    def test_sending_waits_with_the_same_line(self, tmp_path: Path, one: Keys, client: Client) -> None:
        one["smtp"] |= {"username": client.mailbox}
        client.fault = (500, "text/html", "")
        app = open_house(tmp_path, one)
        waits = pytest.raises(TransportUnavailable, match=r"^events: oauth 127\.0\.0\.1: answers 500")
        with app.transport(app.settings.organizer[0]) as transport, waits:
            transport.extensions()


class TestClocks:
    def keys(self, client: Client, folder: Path) -> Keys:
        file = str(client.write_key(folder / "key.json"))
        nothing = {"client_id": None, "client_secret": None}
        return {"grant": "service-account", "service_account_file": file} | nothing

    @pytest.mark.parametrize("seconds", [-45, 0, 45])
    def test_a_little_apart_is_fine(
        self,
        tmp_path: Path,
        authorization: AuthorizationServer,
        dovecot: Dovecot,
        client: Client,
        seconds: int,
    ) -> None:
        client.ahead = seconds
        login = oauth(authorization, client, **self.keys(client, tmp_path))
        look(open_house(tmp_path, organizer(dovecot, login, client.mailbox)))

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(-1800, "30 minutes ahead of the server's"), (7200, "120 minutes behind the server's")],
    )
    def test_far_apart_is_said(
        self,
        tmp_path: Path,
        authorization: AuthorizationServer,
        dovecot: Dovecot,
        client: Client,
        seconds: int,
        words: str,
    ) -> None:
        client.ahead = seconds
        login = oauth(authorization, client, **self.keys(client, tmp_path))
        said = trouble(open_house(tmp_path, organizer(dovecot, login, client.mailbox)))
        assert f"; this machine's clock is {words}: set it right" in said


class TestServiceAccountFile:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (None, "No such file or directory"),
            ("{", "is no key of a service account"),
            ("[]", "is no key of a service account"),
            ('{"client_email": "x"}', "is no key of a service account"),
            ('{"client_email": "x", "private_key": "-----BEGIN PRIVATE KEY-----"}', "is no key"),
        ],
    )
    def test_one_that_cannot_be_used(self, tmp_path: Path, one: Keys, text: str | None, words: str) -> None:
        file = tmp_path / "key.json"
        if text is not None:
            file.write_text(text)
        one["oauth"] |= {"grant": "service-account", "service_account_file": str(file)}
        with pytest.raises(ConfigInvalid) as error:
            tokens(open_house(tmp_path, one)).current()
        said = house.one_line_of(error)
        assert said.startswith(f"service_account_file {file}: ")
        assert words in said


class TestSecrets:
    def test_a_wrong_client_secret_says_what_to_check(self, tmp_path: Path, one: Keys) -> None:
        one["oauth"] |= {"client_secret": "wrong-wrong"}
        said = trouble(open_house(tmp_path, one))
        assert "invalid_client: AADSTS7000215: Invalid secret …; check client_id, the client secret" in said

    def test_nothing_secret_is_logged_or_said(
        self, tmp_path: Path, granted: App, one: Keys, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        told: list[str] = []
        refresh_token = kept(granted).refresh_token
        look(granted)
        told.append(repr(kept(granted)))
        client.expire()
        told.append(trouble(granted))
        age(granted, 4000)
        client.fault = (200, "text/html", f"<p>{client.secret} {refresh_token}</p>")
        told.append(trouble(granted))
        client.fault = (400, "application/json", json.dumps({"error": refresh_token}))
        told.append(trouble(granted))
        client.fault = None
        client.revoke()
        told.append(trouble(granted))
        file = house.config(tmp_path, one | {"oauth": one["oauth"] | {"client_secret": "wrong-wrong"}})
        done = house.run("--config", file, "check")
        told += [done.out, done.err, caplog.text, repr(granted.settings)]

        secrets = {client.secret, str(refresh_token), "wrong-wrong", *client.issued}
        assert "expired or revoked" in told[4]
        assert [secret for secret in secrets for text in told if secret in text] == []


class TestState:
    @pytest.mark.parametrize(
        "content", [b"", b'{"access_token": "a-', b"\xff\xfe", b"[]", b'{"access_token": 1}', b"null"]
    )
    def test_half_a_file_is_asked_anew_where_nobody_is_needed(
        self, app: App, client: Client, content: bytes
    ) -> None:
        look(app)
        tokens(app)._file.path.write_bytes(content)
        look(app)
        assert kept(app).access_token == client.issued[-1]

    def test_an_empty_refresh_token_replaces_none(self, granted: App, client: Client) -> None:
        before = kept(granted).refresh_token
        client.fault = (200, "application/json", '{"access_token": "a", "refresh_token": ""}')
        tokens(granted).current()
        assert kept(granted).refresh_token == before

    def test_half_a_file_needs_a_login_where_a_person_granted(self, granted: App) -> None:
        tokens(granted)._file.path.write_text('{"access_token": "a-')
        assert "run `rsvpd oauth login events`" in trouble(granted)

    def test_one_of_another_user_is_said(self, granted: App) -> None:
        file = tokens(granted)._file.path
        file.chmod(0)
        with as_nobody():
            said = trouble(granted)
        assert (
            f"events: cannot read tokens at {file} (permission denied); state_directory must belong" in said
        )

    def test_a_folder_that_is_a_file_is_said(self, tmp_path: Path, app: App) -> None:
        (tmp_path / "state").touch()
        assert "state_directory must belong to the user that rsvpd runs as" in trouble(app)

    def test_a_link_is_not_followed(self, tmp_path: Path, app: App) -> None:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "oauth-events.new").symlink_to(tmp_path / "elsewhere")
        assert "cannot write tokens" in trouble(app)
        assert not (tmp_path / "elsewhere").exists()

    def test_what_root_writes_belongs_to_whom_the_folder_belongs_to(self, tmp_path: Path, app: App) -> None:
        """`sudo rsvpd oauth login` beside a service of another user."""
        folder = tmp_path / "state"
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        look(app)
        assert {path.stat().st_uid for path in folder.iterdir()} == {folder.stat().st_uid}

    def test_a_full_disk_spends_no_refresh_token(self, granted: App, client: Client) -> None:
        client.rotates = True
        with little_room():
            said = trouble(granted)
        assert "events: cannot write tokens at " in said
        assert not client.asked
        look(granted)

    def test_a_crash_leaves_the_old_tokens(self, granted: App) -> None:
        before = kept(granted)
        file = tokens(granted)._file
        with pytest.raises(KeyboardInterrupt), file.locked(), file.replacing():
            raise KeyboardInterrupt
        assert kept(granted) == before

    def test_a_name_longer_than_a_file_name_is_said(self, tmp_path: Path, one: Keys) -> None:
        with pytest.raises(TokenUnavailable, match="file name too long") as error:
            tokens(open_house(tmp_path, one | {"name": "€" * 100})).current()
        assert house.one_line_of(error)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to read everything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@contextmanager
def little_room() -> Iterator[None]:
    """No file can grow beyond a kilobyte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
