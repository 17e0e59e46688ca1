"""Settings of logins: presets that fill in the rest, secrets from four places, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import house
from house import Keys
from rsvpd.config import ConfigInvalid, OrganizerSettings, Security, Settings, parse

MICROSOFT = {"provider": "microsoft365", "client_id": "1111"}
OWN: Keys = {"client_id": "c", "token_endpoint": "https://login.example.org/token"}


def settings(oauth: Keys, **keys: object) -> Settings:
    one: Keys = {"name": "events", "address": "events@example.org", "oauth": oauth}
    return parse({"organizer": [one | keys]}, Path("/etc/rsvpd/rsvpd.toml"))


def organizer(oauth: Keys, **keys: object) -> OrganizerSettings:
    return settings(oauth, **keys).organizer[0]


def refused(oauth: Keys, **keys: object) -> str:
    with pytest.raises(ConfigInvalid) as error:
        settings(oauth, **keys)
    return house.one_line_of(error)


class TestPresets:
    def test_microsoft_365_needs_a_client_and_no_more(self) -> None:
        one = organizer(MICROSOFT)
        assert one.imap and one.smtp and one.oauth  # noqa: PT018  for the type checker
        assert (one.imap.host, one.imap.security) == ("outlook.office365.com", Security.TLS)
        assert (one.smtp.host, one.smtp.security) == ("smtp.office365.com", Security.STARTTLS)
        assert one.imap.username == one.smtp.username == "events@example.org"
        base = "https://login.microsoftonline.com/organizations/oauth2/v2.0"
        assert (one.oauth.token_endpoint, one.oauth.device_endpoint) == (
            f"{base}/token",
            f"{base}/devicecode",
        )
        assert "offline_access" in one.oauth.scopes

    def test_microsoft_365_in_its_own_name(self) -> None:
        own = {"grant": "client-credentials", "tenant": "example.org", "client_secret": "s"}
        one = organizer(MICROSOFT | own)
        assert one.oauth
        assert one.oauth.token_endpoint == "https://login.microsoftonline.com/example.org/oauth2/v2.0/token"
        assert one.oauth.scopes == ("https://outlook.office365.com/.default",)

    def test_google_needs_the_key_of_a_service_account_and_no_more(self) -> None:
        one = organizer(
            {"provider": "google", "grant": "service-account", "service_account_file": "key.json"}
        )
        assert one.imap and one.smtp and one.oauth  # noqa: PT018
        assert (one.imap.host, one.smtp.host) == ("imap.gmail.com", "smtp.gmail.com")
        assert one.oauth.token_endpoint == "https://oauth2.googleapis.com/token"
        assert one.oauth.scopes == ("https://mail.google.com/",)
        assert one.oauth.service_account_file == Path("/etc/rsvpd/key.json")

    def test_what_is_given_wins(self) -> None:
        oauth = MICROSOFT | {"scopes": ["one"], "token_endpoint": "https://login.example.org/"}
        one = organizer(oauth, imap={"folders": ["Replies"]}, smtp={"host": "localhost", "security": "none"})
        assert one.imap and one.smtp and one.oauth  # noqa: PT018
        assert (one.imap.host, one.imap.folders) == ("outlook.office365.com", ("Replies",))
        assert (one.smtp.host, one.smtp.username) == ("localhost", None)
        assert (one.oauth.scopes, one.oauth.token_endpoint) == (("one",), "https://login.example.org/")


class TestRefused:
    @pytest.mark.parametrize(
        ("oauth", "words"),
        [
            ({"client_id": "c"}, "organizer[1].oauth: give provider, or token_endpoint"),
            ({"provider": "google"}, 'organizer[1].oauth: grant = "refresh-token" needs client_id'),
            (
                {"provider": "yahoo"},
                "organizer[1].oauth.provider: Input should be 'google' or 'microsoft365'",
            ),
            (
                MICROSOFT | {"grant": "client-credentials"},
                'grant = "client-credentials" needs client_secret_file',
            ),
            (
                MICROSOFT | {"grant": "client-credentials", "client_secret": "s"},
                'grant = "client-credentials" needs tenant: the directory of your organization',
            ),
            (MICROSOFT | {"tenant": "a/b"}, "organizer[1].oauth.tenant: "),
            (
                OWN | {"grant": "service-account"},
                'grant = "service-account" and service_account_file go together',
            ),
            (
                OWN | {"service_account_file": "k"},
                'grant = "service-account" and service_account_file go together',
            ),
            (
                OWN | {"client_secret": "s", "client_secret_file": "f"},
                "give one of client_secret, client_secret_file and client_secret_env",
            ),
            (
                OWN | {"token_endpoint": "http://login.example.org/token"},
                "oauth.token_endpoint: http would send secrets to login.example.org in the clear; use https",
            ),
            (OWN | {"device_endpoint": "nonsense"}, "write a URL such as https://login.example.org/token"),
            (OWN | {"colour": "red"}, "organizer[1].oauth.colour: no such setting"),
        ],
    )
    def test_in_one_line(self, oauth: Keys, words: str) -> None:
        assert words in refused(oauth)

    def test_http_is_for_this_machine_alone(self) -> None:
        one = organizer(OWN | {"token_endpoint": "http://127.0.0.1:8080/token"})
        assert one.oauth
        assert one.oauth.token_endpoint == "http://127.0.0.1:8080/token"

    @pytest.mark.parametrize("part", ["imap", "smtp"])
    def test_a_login_without_a_secret(self, part: str) -> None:
        one = {"name": "events", "address": "e@example.org", part: {"host": "h", "username": "u"}}
        with pytest.raises(
            ConfigInvalid, match=r"password, password_file or password_env.*\[organizer.oauth\]"
        ):
            parse({"organizer": [one]}, Path("rsvpd.toml"))


class TestPasswords:
    def one(self, **keys: str) -> Keys:
        imap = {"host": "imap.example.org", "username": "u"} | keys
        return {"organizer": [{"name": "events", "address": "events@example.org", "imap": imap}]}

    def secret(self, folder: Path, **keys: str) -> str | None:
        imap = parse(self.one(**keys), folder / "rsvpd.toml").organizer[0].imap
        assert imap
        return imap.secret()

    def test_from_a_variable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EVENTS_PASSWORD", "from the environment")
        assert self.secret(tmp_path, password_env="EVENTS_PASSWORD") == "from the environment"

    def test_from_a_variable_that_is_not_set(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigInvalid, match=r"^password_env NO_SUCH_VARIABLE: no such variable is set$"):
            self.secret(tmp_path, password_env="NO_SUCH_VARIABLE")

    def test_from_a_file_beside_the_settings(self, tmp_path: Path) -> None:
        (tmp_path / "word").write_text("in a file\n")
        assert self.secret(tmp_path, password_file="word") == "in a file"

    def test_from_a_credential_of_systemd(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "events.password").write_text("handed over\n")
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        file = "$CREDENTIALS_DIRECTORY/events.password"
        assert self.secret(Path("/etc/rsvpd"), password_file=file) == "handed over"

    def test_a_command_beside_the_service_looks_where_the_service_has_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
        with pytest.raises(
            ConfigInvalid, match=r"^password_file /run/credentials/rsvpd.service/events.password: "
        ):
            self.secret(Path("/etc/rsvpd"), password_file="$CREDENTIALS_DIRECTORY/events.password")

    def test_two_places_are_too_many(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigInvalid, match="give one of password, password_file and password_env"):
            self.secret(tmp_path, password="p", password_env="E")


class TestStateFolder:
    def test_as_set_beside_the_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/rsvpd")
        found = parse({"state_directory": "state"}, Path("/etc/rsvpd/rsvpd.toml"))
        assert found.state_folder == Path("/etc/rsvpd/state")

    def test_as_systemd_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/rsvpd:/var/lib/other")
        assert Settings().state_folder == Path("/var/lib/rsvpd")

    def test_else_in_the_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("STATE_DIRECTORY", raising=False)
        monkeypatch.setenv("XDG_STATE_HOME", "/home/someone/.state")
        assert Settings().state_folder == Path("/home/someone/.state/rsvpd")
        monkeypatch.delenv("XDG_STATE_HOME")
        monkeypatch.setenv("HOME", "/home/someone")
        assert Settings().state_folder == Path("/home/someone/.local/state/rsvpd")

    def test_a_user_without_a_home_is_told_to_set_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
        with pytest.raises(ConfigInvalid, match="set state_directory"):
            Settings().state_folder  # noqa: B018  a property


def test_whoever_needs_no_token_does_not_wait_for_an_http_stack() -> None:
    program = "import rsvpd.cli, sys; print(sorted({'authlib', 'requests', 'urllib3'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
