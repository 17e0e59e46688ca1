"""`rsvpd oauth login`: a person grants access, by a code or in a browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

import house
from granting import kept, look, oauth, open_house, organizer
from house import Done, Keys
from rig.authorization import AuthorizationServer, Client, Refusal
from rig.dovecot import Dovecot
from rsvpd.mail import oauth as asking
from rsvpd.ports import GrantRefused

PENDING = Refusal("authorization_pending")


@pytest.fixture
def client(authorization: AuthorizationServer, mailbox_user: str) -> Client:
    return authorization.register(mailbox_user)


@pytest.fixture
def one(authorization: AuthorizationServer, dovecot: Dovecot, client: Client) -> Keys:
    """An organizer whose mailbox nobody has granted yet."""
    return organizer(dovecot, oauth(authorization, client), client.mailbox)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds between the polls, not waited for; 600 of them are all there are."""
    waited: list[float] = []
    monkeypatch.setattr(asking, "sleep", waited.append)
    monkeypatch.setattr(asking, "monotonic", lambda: sum(waited))
    return waited


def log_in(folder: Path, one: Keys, name: str = "events") -> Done:
    file = house.config(folder, one, state_directory=folder / "state")
    return house.run("--config", file, "oauth", "login", name)


class TestByCode:
    def test_the_address_and_the_code_are_shown_and_the_grant_is_kept(
        self,
        tmp_path: Path,
        one: Keys,
        client: Client,
        authorization: AuthorizationServer,
        waits: list[float],
    ) -> None:
        client.polls = [PENDING, PENDING]
        done = log_in(tmp_path, one)

        assert (done.code, done.err) == (0, "")
        assert done.out.splitlines() == [
            f"Open   {authorization.url}/activate",
            "enter  WDJB-MJHT",
            f"and log in as {client.mailbox}, within 10 minutes. Waiting …",
            "Granted, and kept. `rsvpd check` tries it on the mail servers.",
        ]
        assert waits == [5, 5, 5]
        app = open_house(tmp_path, one)
        assert {kept(app).refresh_token} == client.refresh_tokens
        look(app)

    def test_without_a_client_secret(
        self, tmp_path: Path, one: Keys, client: Client, waits: list[float]
    ) -> None:
        del one["oauth"]["client_secret"]
        assert log_in(tmp_path, one).code == 0
        assert [form.get("client_secret") for form in client.asked] == [None, None]
        assert len(waits) == 1

    def test_it_slows_down_when_told(
        self, tmp_path: Path, one: Keys, client: Client, waits: list[float]
    ) -> None:
        client.polls = [Refusal("slow_down"), PENDING]
        assert log_in(tmp_path, one).code == 0
        assert waits == [5, 10, 10]

    def test_a_server_that_is_away_for_a_while_is_waited_for(
        self, tmp_path: Path, one: Keys, client: Client, waits: list[float]
    ) -> None:
        client.polls = [Refusal("server_error", status=503), PENDING]
        assert log_in(tmp_path, one).code == 0
        assert waits == [5, 10, 10]

    @pytest.mark.parametrize(("interval", "waited"), [(0, 1), (-3, 1), ("2", 2), (60, 60)])
    def test_an_interval_of_any_kind_is_kept_to(
        self, tmp_path: Path, one: Keys, client: Client, waits: list[float], interval: object, waited: float
    ) -> None:
        client.interval = interval
        assert log_in(tmp_path, one).code == 0
        assert waits == [waited]

    def test_declined(self, tmp_path: Path, one: Keys, client: Client, waits: list[float]) -> None:
        client.polls = [PENDING, Refusal("access_denied")]
        done = log_in(tmp_path, one)
        assert done.code == 1
        assert "access_denied; the login was declined; run `rsvpd oauth login events` again" in done.err
        assert len(waits) == 2
        assert not list(tmp_path.glob("state/*.json"))

    def test_a_code_that_the_server_calls_expired(
        self, tmp_path: Path, one: Keys, client: Client, waits: list[float]
    ) -> None:
        client.polls = [Refusal("expired_token")]
        done = log_in(tmp_path, one)
        assert done.err.endswith("the code was not entered in time; run `rsvpd oauth login events` again\n")
        assert len(waits) == 1

    def test_a_code_that_is_never_entered(
        self, tmp_path: Path, one: Keys, client: Client, waits: list[float]
    ) -> None:
        client.polls = [PENDING] * 1000
        assert "the code was not entered in time" in log_in(tmp_path, one).err
        assert sum(waits) == 600

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ((200, "application/json", "{}"), "makes no sense"),
            ((200, "text/html", "<p>"), "makes no sense"),
            ((500, "text/html", ""), "answers 500"),
            ((400, "application/json", '{"error": "unauthorized_client"}'), "check client_id"),
        ],
    )
    def test_no_code_to_be_had(
        self, tmp_path: Path, one: Keys, client: Client, fault: tuple[int, str, str], words: str
    ) -> None:
        client.fault = fault
        assert words in house.one_line(log_in(tmp_path, one))


class TestInABrowser:
    @pytest.fixture
    def by_browser(self, one: Keys, authorization: AuthorizationServer) -> Keys:
        del one["oauth"]["device_endpoint"]
        one["oauth"] |= {"authorization_endpoint": authorization.authorization_endpoint}
        return one

    def begun(self, folder: Path, one: Keys) -> tuple[subprocess.Popen[str], str]:
        """A login that waits for an address, and the one that it wants opened."""
        file = house.config(folder, one, state_directory=folder / "state")
        process = subprocess.Popen(
            [sys.executable, "-m", "rsvpd", "--config", file, "oauth", "login", "events"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=house.environment(PYTHONUNBUFFERED="1"),
        )
        assert process.stdout is not None
        return process, next(line.strip() for line in process.stdout if line.startswith("http"))

    def test_the_address_where_it_ended_is_worth_a_grant(
        self, tmp_path: Path, by_browser: Keys, client: Client, authorization: AuthorizationServer
    ) -> None:
        process, address = self.begun(tmp_path, by_browser)
        form = parse_qs(urlsplit(address).query)
        assert (form["access_type"], form["login_hint"]) == (["offline"], [client.mailbox])
        out, err = process.communicate(f"{authorization.browser(address)}\n", timeout=60)

        assert (process.returncode, err) == (0, "")
        assert out.endswith("Granted, and kept. `rsvpd check` tries it on the mail servers.\n")
        look(open_house(tmp_path, by_browser))

    @pytest.mark.parametrize(
        ("pasted", "words"),
        [
            ("http://127.0.0.1:43117/?error=access_denied&state={state}", "the login was declined; run"),
            ("http://127.0.0.1:43117/?code=x&state=other", "is not of this login; run"),
            ("nonsense", "is not of this login; run"),
        ],
    )
    def test_another_address_is_not(self, tmp_path: Path, by_browser: Keys, pasted: str, words: str) -> None:
        app = open_house(tmp_path, by_browser)
        server = app.tokens(app.settings.organizer[0]).server()
        begun = server.browser_login()
        with pytest.raises(GrantRefused) as error:
            server.by_browser(begun, pasted.replace("{state}", begun.state))
        assert words in house.one_line_of(error)


class TestWrongUse:
    def test_an_organizer_without_oauth(self, tmp_path: Path) -> None:
        said = house.one_line(log_in(tmp_path, house.organizer()))
        assert said == "rsvpd: events: no [organizer.oauth] is configured"

    def test_an_organizer_that_nobody_knows(self, tmp_path: Path, one: Keys) -> None:
        assert "there is no organizer 'board'" in house.one_line(log_in(tmp_path, one, "board"))

    def test_a_grant_that_needs_nobody(self, tmp_path: Path, one: Keys) -> None:
        one["oauth"] |= {"grant": "client-credentials"}
        assert 'only grant = "refresh-token" needs a login' in house.one_line(log_in(tmp_path, one))

    def test_no_endpoint_to_ask(self, tmp_path: Path, one: Keys) -> None:
        del one["oauth"]["device_endpoint"]
        assert "a login needs device_endpoint" in house.one_line(log_in(tmp_path, one))
