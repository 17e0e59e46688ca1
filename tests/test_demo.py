"""The demo as it is seen: its picture on a terminal, its stage, and once the whole of it."""

import contextlib
import io
import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from rich.console import Console

import browsing
from house import eventually
from rsvpd.demo import show
from rsvpd.demo.attendees import INVITED
from rsvpd.demo.picture import Entry, Picture, Seat
from rsvpd.demo.play import _OnTerminal
from rsvpd.demo.stage import ORGANIZER, Stage, StageError
from rsvpd.demo.world import MailWorld

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def picture(answered: int) -> Picture:
    seats = [
        Seat(person.address, person.name, person.says[-1].partstat, invited=True, answered_at=NOW, guests=2)
        if number < answered
        else Seat(person.address, person.name)
        for number, person in enumerate(INVITED)
    ]
    row = Entry(1, NOW, "applied", "", "Hana Sato", "", "ACCEPTED")
    return Picture("Dinner", "Fri 18 Dec 2026 18:30", tuple(seats), (row,) * answered)


def shown(answered: int, *, width: int, height: int, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    out = Console(file=file, width=width, height=height, force_terminal=True, color_system=None)
    lines = out.render_lines(show.frame(picture(answered), "footer", out), pad=False)
    return ["".join(segment.text for segment in line) for line in lines]


class TestShow:
    @pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
    def test_a_frame_fits_and_keeps_its_height(self, width: int, height: int) -> None:
        frames = [shown(answered, width=width, height=height) for answered in range(len(INVITED) + 1)]

        assert {len(frame) for frame in frames} == {len(frames[0])}
        assert len(frames[0]) < height
        assert max(map(len, itertools.chain(*frames))) <= width

    def test_a_frame_says_who_comes(self) -> None:
        lines = shown(5, width=80, height=24)

        assert "Amara Okafor     ✓ accepted   " in "\n".join(lines)
        assert "3 accepted · 1 tentative · 1 declined · 7 waiting · 8 guests" in lines

    def test_who_changed_their_mind_is_marked(self) -> None:
        rows = tuple(
            Entry(n, NOW, "applied", "", "Grace Kim", "", said)
            for n, said in enumerate(["TENTATIVE", "ACCEPTED"])
        )
        seat = Seat("grace.kim@fjord.example", "Grace Kim", "ACCEPTED")

        assert Picture(seats=(seat,), ledger=rows).before(seat) == "TENTATIVE"
        assert Picture(seats=(seat,), ledger=rows[:1]).before(seat) == ""

    def test_a_terminal_without_our_signs_gets_others(self) -> None:
        assert all(
            line.isascii() or "ö" in line or "É" in line
            for line in shown(5, width=80, height=24, encoding="latin-1")
        )

    def test_what_is_missing_is_named(self) -> None:
        answers = {person.address: person.says[-1].partstat for person in INVITED[-2:]}

        assert picture(len(INVITED)).missing(answers, {"applied": 12}) == []
        assert picture(len(INVITED) - 1).missing(answers, {"applied": 12, "held": 1}) == [
            "luis.ortega@example.org: tentative",
            "1 applied",
            "1 held",
        ]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`rsvpd demo` as a user starts it; its folder goes to tmp_path."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "rsvpd", "demo", *arguments],
            env=os.environ
            | {"TMPDIR": str(tmp_path), "COLUMNS": "100", "RSVPD_DATABASE_URL": "sqlite:////no"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def processes_in(folder: Path) -> list[str]:
    """Command lines of running processes that name this folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(file.read_text(errors="replace"))
    return [line for line in found if str(folder) in line]


@pytest.mark.slow
class TestWholeDemo:
    @pytest.mark.parametrize("arguments", [["--once"], []], ids=["once", "no terminal"])
    def test_it_ends_with_everybodys_answer(
        self, demo: Callable[..., subprocess.Popen[str]], tmp_path: Path, arguments: list[str]
    ) -> None:
        process = demo(*arguments)
        printed, complaints = process.communicate(timeout=90)

        assert (process.returncode, complaints) == (0, "")
        for person in INVITED:
            answer = re.escape(person.says[-1].partstat.lower())
            assert re.search(rf"^{person.name} +. {answer} ", printed, re.MULTILINE), printed
        assert re.search(r"^Grace Kim .* tentative before", printed, re.MULTILINE)
        assert re.search(r"held +Zoë Castellan: accepted", printed)
        assert re.search(r"outdated +Isak Berg: accepted · Harbour board", printed)
        assert list(tmp_path.iterdir()) == []
        assert processes_in(tmp_path) == []

    def test_the_page_fills_while_they_answer(self, demo: Callable[..., subprocess.Popen[str]]) -> None:
        process = demo()
        assert process.stdout
        link = next(line.split()[1] for line in process.stdout if line.startswith("page "))
        place, _, token = link.partition("login#")
        with httpx.Client(base_url=place, timeout=30) as client:
            eventually(lambda: answers(client))
            assert browsing.sign_in(client, token).status_code == 303
            seen = eventually(lambda: re.findall(r"(\d+) accepted", client.get("/").text))
            assert int(seen[0]) <= len(INVITED)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0

    @pytest.mark.parametrize(
        ("moment", "ending"),
        [
            ("daemon ", signal.SIGINT),
            ("meeting ", signal.SIGTERM),
            ("applied ", signal.SIGINT),
            ("applied ", signal.SIGHUP),
        ],
    )
    def test_a_signal_ends_it_cleanly_at_any_time(
        self, demo: Callable[..., subprocess.Popen[str]], tmp_path: Path, ending: signal.Signals, moment: str
    ) -> None:
        process = demo()
        assert process.stdout
        for line in process.stdout:
            if moment in line:
                break
        process.send_signal(ending)
        _, complaints = process.communicate(timeout=30)

        assert (process.returncode, complaints) == (0, "")
        assert list(tmp_path.iterdir()) == []
        assert processes_in(tmp_path) == []


def answers(client: httpx.Client) -> bool:
    """Whether the daemon listens yet."""
    with contextlib.suppress(httpx.ConnectError):
        return client.get("/login").status_code == 200
    return False


@pytest.fixture
def world() -> Iterator[MailWorld]:
    with MailWorld(ORGANIZER) as running:
        yield running


def test_on_a_terminal_the_link_to_the_page_stays_whole_and_to_be_seen() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    display = _OnTerminal(Console(file=file, width=40, height=24, force_terminal=True, color_system=None))
    link = f"http://127.0.0.1:8025/login#{'x' * 60}"
    display.tell("daemon")
    display.keep(link)
    display.close()
    file.seek(0)
    assert link in file.read()


class TestStage:
    def test_a_command_that_fails_is_one_line(self, world: MailWorld, tmp_path: Path) -> None:
        with (
            Stage(tmp_path, world) as stage,
            pytest.raises(StageError, match=r"^rsvpd db upgrade: \S.*rsvpd\.toml"),
        ):
            stage.command("db", "upgrade")

    def test_a_daemon_that_ended_is_noticed(self, world: MailWorld, tmp_path: Path) -> None:
        with Stage(tmp_path, world) as stage:
            stage.set_up()
            stage.check()
            stage._daemon.terminate()  # type: ignore[union-attr]
            stage._daemon.wait(10)  # type: ignore[union-attr]
            with pytest.raises(StageError, match=r"^rsvpd run ended: "):
                stage.check()


def test_without_the_extra_one_line_says_what_to_install() -> None:
    program = """if True:
        import sys
        sys.modules["pymap"] = None
        from rich.console import Console
        from rsvpd.demo import demo
        sys.exit(demo(once=True, out=Console()))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "pip install 'rsvpd[demo]'" in line
