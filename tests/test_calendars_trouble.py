"""The organizer's own calendar: servers that are away, refuse, cannot be trusted; and the program around it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import house
from house import ALICE, BOB, UID, Keys, invite, one_line_of
from keeping import Kept, caldav, keeping, partstats
from rig.radicale import Radicale
from rig.tls import Certificates
from rsvpd.config import ConfigInvalid, OrganizerSettings, parse
from rsvpd.ports import CalendarUnavailable
from rsvpd.taken_over import read


@pytest.fixture(scope="module")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radicale]:
    with Radicale(tmp_path_factory.mktemp("caldav") / "radicale") as server:
        yield server


@pytest.fixture
def kept(radicale: Radicale, tmp_path: Path) -> Iterator[Kept]:
    with keeping(radicale, tmp_path) as made:
        yield made


class TestServerAway:
    def test_what_changed_meanwhile_is_put_when_it_is_back(self, kept: Kept) -> None:
        kept.invite()
        kept.server.stop()
        try:
            with pytest.raises(CalendarUnavailable, match="connection refused") as error:
                kept.update()
            assert one_line_of(error)
            kept.answer("ACCEPTED")
        finally:
            kept.server.start()

        assert kept.update() == 1
        assert partstats(*kept.events())[ALICE.address] == "ACCEPTED"

    def test_one_meeting_refused_does_not_hold_up_the_others(self, kept: Kept) -> None:
        kept.invite()
        kept.app.invitations.create({"uid": "refused@x"}, read(invite()))
        kept.app.invitations.create({"uid": "third@x"}, read(invite()))
        with _refusing(kept, "refused@x") as organizer:
            with pytest.raises(CalendarUnavailable, match="refuses 1 of 3 meetings: refused@x: 413") as error:
                kept.app.calendars.update(organizer)
            assert one_line_of(error)
            with pytest.raises(CalendarUnavailable, match="refuses 1 of 1 meetings"):
                kept.app.calendars.update(organizer)

    @pytest.mark.parametrize("status", [301, 302, 303, 307])
    def test_a_redirection_never_passes_for_stored(self, kept: Kept, status: int) -> None:
        kept.invite()
        with _refusing(kept, UID, status) as organizer, pytest.raises(CalendarUnavailable) as error:
            kept.app.calendars.update(organizer)
        assert one_line_of(error)

    def test_no_calendar_at_all_there(self, kept: Kept) -> None:
        kept.invite()
        away = pytest.raises(CalendarUnavailable, match="answers 404")
        with _refusing(kept, UID, found=404) as organizer, away:
            kept.app.calendars.update(organizer)


@contextmanager
def _refusing(kept: Kept, uid: str, status: int = 413, found: int = 207) -> Iterator[OrganizerSettings]:
    """The organizer with a calendar that answers PUT of one UID with `status`."""

    class Handler(BaseHTTPRequestHandler):
        def do_PROPFIND(self) -> None:
            self._body()
            what = "<d:collection/><c:calendar xmlns:c='urn:ietf:params:xml:ns:caldav'/>"
            self._answer(
                found,
                f"<d:multistatus xmlns:d='DAV:'><d:response><d:href>{self.path}</d:href><d:propstat><d:prop>"
                f"<d:resourcetype>{what}</d:resourcetype></d:prop><d:status>HTTP/1.1 200 OK</d:status>"
                "</d:propstat></d:response></d:multistatus>",
            )

        def do_PUT(self) -> None:
            self._answer(status if f"UID:{uid}\r\n".encode() in self._body() else 201)

        def do_GET(self) -> None:
            self._answer(200, "a web page")

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _answer(self, number: int, text: str = "") -> None:
            self.send_response(number)
            if number in range(300, 400):
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    assert kept.organizer.caldav is not None
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        changes = {"url": f"http://127.0.0.1:{server.server_port}/cal/"}
        yield kept.organizer.model_copy(update={"caldav": kept.organizer.caldav.model_copy(update=changes)})
        server.shutdown()
        thread.join(5)


class TestTls:
    def test_certificates_are_verified(self, tmp_path: Path) -> None:
        certificates = Certificates.create(tmp_path / "tls")
        with Radicale(tmp_path / "radicale", certificates) as server:
            for keys, said in (
                ({}, "certificate cannot be trusted"),
                ({"ca_file": str(certificates.ca)}, ""),
            ):
                folder = tmp_path / (said or "trusted")
                folder.mkdir()
                with keeping(server, folder, ca_file=keys.get("ca_file")) as kept:
                    kept.invite()
                    if said:
                        with pytest.raises(CalendarUnavailable, match=said) as error:
                            kept.update()
                        assert one_line_of(error)
                    else:
                        assert kept.update() == 1

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("http://cal.example.org/", "in the clear"),
            ("ftp://cal.example.org/", "write a URL such as https://"),
            ("cal.example.org", "write a URL such as https://"),
            ("https://", "write a URL such as https://"),
            ("https://cal.example.org:99999/", "write a URL such as https://"),
            ("https://a:b@cal.example.org/", "username and password are settings of their own"),
            ("https://cal.example.org/?a=b", "leave out what follows the path"),
        ],
    )
    def test_addresses_that_are_refused(self, url: str, said: str) -> None:
        with pytest.raises(ConfigInvalid, match=said) as error:
            house.settings_of(house.organizer(caldav={"url": url}))
        assert one_line_of(error).count("organizer[1].caldav")

    @pytest.mark.parametrize(
        "keys",
        [
            {"url": "http://127.0.0.1:5232/"},
            {"url": "http://[::1]:5232/"},
            {"url": "http://localhost/"},
            {"url": "http://cal.example.org/", "allow_plaintext": True},
            {"url": "https://cal.example.org/"},
        ],
    )
    def test_addresses_that_can_be_used(self, keys: Keys) -> None:
        organizers = {"organizer": [house.organizer(caldav=keys)]}
        assert parse(organizers, Path("test")).organizer[0].caldav is not None


class TestProgram:
    @staticmethod
    def config(folder: Path, keys: Keys) -> Path:
        file = house.config(folder, house.organizer(), poll_interval="1s")
        lines = [f'{name} = "{value}"' for name, value in keys.items()]
        with file.open("a", encoding="utf-8") as opened:
            opened.write("\n".join(["[organizer.caldav]", *lines, ""]))
        return file

    def test_check_tries_it(self, radicale: Radicale, tmp_path: Path) -> None:
        keys = caldav(radicale, radicale.user("Events"))
        said = house.run("--config", self.config(tmp_path, keys), "check").out.splitlines()
        assert "pass  events caldav: logged in, calendar: Events" in said

        file = self.config(tmp_path, keys | {"password": "wrong"})
        done = house.run("--config", file, "check")
        assert done.code == 1
        assert any(
            line.startswith("fail  events caldav: ") and "login refused" in line
            for line in done.out.splitlines()
        )

    def test_the_daemon_keeps_it_and_its_trouble_is_one_line(
        self, radicale: Radicale, tmp_path: Path
    ) -> None:
        user = radicale.user("Events")
        wire = house.Wire(radicale.port)
        file = self.config(tmp_path, caldav(radicale, user, url=f"http://localhost:{wire.port}/"))
        path = tmp_path / "meeting.ics"
        path.write_bytes(invite(UID, ALICE, BOB))
        assert house.run("--config", file, "meeting", "create", path).code == 0

        daemon = house.start("--config", file, "run")
        said: list[str] = []

        def hear(words: str) -> None:
            assert daemon.stderr is not None
            while not said or words not in said[-1]:
                said.append(daemon.stderr.readline())
                assert said[-1], said

        try:
            hear("caldav localhost")
            time.sleep(1.5)  # it looks again, in vain, and has nothing new to say
            with wire:
                hear("works again")
                assert len(radicale.objects(user)) == 1
                daemon.send_signal(signal.SIGTERM)
                said.append(daemon.communicate(timeout=15)[1])
        finally:
            daemon.kill()
            daemon.communicate()
        words = ("could not", "calendar kept", "works again")
        of_the_job = [line for line in said if "calendar " in line]
        assert [sum(one in line for line in of_the_job) for one in words] == [1, 1, 1], said
        assert ("Traceback" in "".join(said), daemon.returncode) == (False, 0)
