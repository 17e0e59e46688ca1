"""Setting up and inviting from the command line: contracts that scripts depend on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import house
from house import START, UID, run
from rsvpd.config import load
from rsvpd.store.database import Database

FULL = {
    "organizer": "events",
    "uid": UID,
    "summary": "Budget “review”: Übersicht",
    "description": "Bring numbers.\nAnd coffee.",
    "location": "Room 4.2, main",
    "start": f"{START:%Y-%m-%dT%H:%M:%S}",
    "end": f"{START:%Y-%m-%d}T23:59:00",
    "zone": "Europe/Zurich",
    "attendees": [
        {"email": "alice@example.com", "name": "Alice Example", "role": "optional"},
        {"email": "bob@example.com"},
    ],
}
FLAGS = [
    *("--organizer", "events", "--summary", "Budget review", "--start", f"{START:%Y-%m-%dT%H:%M}"),
    *("--duration", "1h30m", "--zone", "Europe/Zurich", "--location", "Room 4.2"),
    *("--description", "Bring numbers.", "--attendee", "Alice Example <alice@example.com>"),
    *("--attendee", "bob@example.com"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with one organizer."""
    return house.config(tmp_path)


def attendance(file: Path) -> list[dict[str, Any]]:
    done = run("--config", file, "attendance", "--format", "json")
    assert (done.code, done.err) == (0, "")
    return done.objects


def queued(file: Path) -> list[str]:
    database = Database(load(file)[0].database.url)
    with database.read() as session:
        found = session.execute(text("SELECT recipient FROM outgoing ORDER BY id")).scalars().all()
    database.close()
    return list(found)


class TestInit:
    def test_it_writes_a_configuration_that_loads(self, tmp_path: Path) -> None:
        target = tmp_path / "rsvpd.toml"
        done = run("init", target)

        assert (done.code, done.err) == (0, "")
        assert str(target) in done.out
        settings, path = load(target)
        assert [one.name for one in settings.organizer] == ["events"]
        assert path == target
        assert target.stat().st_mode & 0o777 == 0o600

    def test_every_commented_setting_may_be_taken_in(self, tmp_path: Path) -> None:
        target = tmp_path / "rsvpd.toml"
        run("init", target)
        lines = target.read_text().splitlines()
        words = [line.removeprefix("# ") for line in lines]
        settings = [line for line in words if "=" in line or line.startswith("[")]
        target.write_text("\n".join(line for line in settings if not line.startswith("RSVPD_")))

        assert load(target)[0].limits.mime_depth == 20

    def test_it_replaces_nothing_unless_forced(self, tmp_path: Path) -> None:
        target = tmp_path / "rsvpd.toml"
        target.write_text("mine")

        assert "is there already; --force replaces it" in house.one_line(run("init", target))
        assert target.read_text() == "mine"
        assert run("init", target, "--force").code == 0
        assert load(target)

    def test_a_folder_that_is_missing_is_one_line(self, tmp_path: Path) -> None:
        assert "no such file or directory" in house.one_line(run("init", tmp_path / "no" / "rsvpd.toml"))


class TestConfig:
    def test_without_any_it_says_what_writes_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("rsvpd.config.loading.DEFAULT_FILES", (Path("rsvpd.toml"),))

        assert "`rsvpd init` writes one" in house.one_line(run("attendance"))

    def test_the_file_in_this_folder_is_found(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(file.parent)

        assert run("attendance").code == 0

    def test_the_environment_overrides_the_file(
        self, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RSVPD_CONFIG", str(file))
        monkeypatch.setenv("RSVPD_DATABASE_URL", f"sqlite:///{tmp_path}/other.db")
        monkeypatch.setenv("RSVPD_LIMITS_MIME_DEPTH", "7")
        monkeypatch.setenv("RSVPD_POLL_INTERVAL", "5s")

        assert run("attendance").code == 0
        assert (tmp_path / "other.db").exists()
        settings, _ = load(file)
        assert (settings.limits.mime_depth, settings.poll_interval.total_seconds()) == (7, 5)

    @pytest.mark.parametrize(
        ("written", "complaint"),
        [
            ("colour = 'red'", "colour: no such setting"),
            ("[[organizer]]\nname = 'a'", "organizer[1].address: is missing"),
            ("[[organizer]]\nname = 'a'\naddress = 'nobody'", "is no mail address"),
            ("poll_interval = 'soon'", "poll_interval: write a duration"),
            ("[database", "Expected ']'"),
            ("lookback = '999999w'", "lookback"),
        ],
    )
    def test_what_is_wrong_is_one_line(self, tmp_path: Path, written: str, complaint: str) -> None:
        target = tmp_path / "rsvpd.toml"
        target.write_text(written)

        assert complaint in house.one_line(run("--config", target, "attendance"))

    @pytest.mark.parametrize("target", ["missing.toml", ""])
    def test_a_file_that_cannot_be_read_is_one_line(self, tmp_path: Path, target: str) -> None:
        house.one_line(run("--config", tmp_path / target, "attendance"))

    def test_a_password_in_the_clear_is_refused_towards_another_machine(self, tmp_path: Path) -> None:
        remote = house.organizer(smtp={"host": "192.0.2.1", "security": "none"})
        target = house.config(tmp_path, remote)

        assert "allow_plaintext = true" in house.one_line(run("--config", target, "attendance"))


class TestSchema:
    def test_upgrade_and_current(self, file: Path) -> None:
        newest = Database("sqlite://").newest_revision()

        assert run("--config", file, "db", "current").out == f"none (needed: {newest})\n"
        assert run("--config", file, "db", "upgrade").out == f"schema none -> {newest}\n"
        assert run("--config", file, "db", "upgrade").out == f"schema {newest} -> {newest}\n"
        assert run("--config", file, "db", "current").out == f"{newest} (needed: {newest})\n"

    @pytest.mark.parametrize("command", [("db", "upgrade"), ("attendance",), ("run",), ("poll",)])
    def test_a_newer_database_is_refused(self, file: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
        run("--config", file, "db", "upgrade")
        database = Database(f"sqlite:///{tmp_path}/rsvpd.db")
        with database.begin() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        database.close()

        assert "newer than this rsvpd" in house.one_line(run("--config", file, *command))


class TestCreate:
    def test_from_flags(self, file: Path) -> None:
        done = run("--config", file, "meeting", "create", *FLAGS, "--format", "json")

        assert (done.code, done.err) == (0, "")
        (meeting,) = attendance(file)
        assert meeting["uid"] == done.object["uid"]
        assert meeting["summary"] == "Budget review"
        assert [a["email"] for a in meeting["attendees"]] == ["alice@example.com", "bob@example.com"]
        assert queued(file) == ["alice@example.com", "bob@example.com"]

    @pytest.mark.parametrize("kind", ["json", "toml"])
    def test_from_a_file_with_every_key(self, file: Path, tmp_path: Path, kind: str) -> None:
        described = tmp_path / f"meeting.{kind}"
        described.write_text(json.dumps(FULL) if kind == "json" else toml(FULL), encoding="utf-8")
        done = run("--config", file, "meeting", "create", described)

        assert (done.code, done.err) == (0, "")
        (meeting,) = attendance(file)
        assert (meeting["uid"], meeting["summary"]) == (UID, FULL["summary"])
        assert meeting["start"][:19] == FULL["start"]
        assert meeting["start"][19:] in {"+01:00", "+02:00"}
        assert [(a["email"], a["name"], a["role"]) for a in meeting["attendees"]] == [
            ("alice@example.com", "Alice Example", "OPT-PARTICIPANT"),
            ("bob@example.com", None, "REQ-PARTICIPANT"),
        ]

    def test_flags_override_the_file(self, file: Path, tmp_path: Path) -> None:
        described = tmp_path / "meeting.json"
        described.write_text(json.dumps(FULL))
        run("--config", file, "meeting", "create", described, "--summary", "Other")

        (meeting,) = attendance(file)
        assert (meeting["uid"], meeting["summary"]) == (UID, "Other")

    @pytest.mark.parametrize("where", ["sqlite", "postgresql"])
    def test_a_whole_day_is_a_day(self, tmp_path: Path, request: pytest.FixtureRequest, where: str) -> None:
        url = (
            {"database": request.getfixturevalue("postgres").fresh_database()}
            if where == "postgresql"
            else {}
        )
        file = house.config(tmp_path, **url)
        flags = [
            "--summary",
            "Day",
            "--start",
            f"{START:%Y-%m-%d}",
            "--duration",
            "2d",
            "--attendee",
            "a@example.com",
        ]
        assert run("--config", file, "meeting", "create", *flags).code == 0

        (meeting,) = attendance(file)
        assert meeting["start"] == f"{START:%Y-%m-%d}"

    @pytest.mark.parametrize(
        ("changes", "complaint"),
        [
            ({"attendees": [{"email": "events@example.org"}]}, "is the organizer"),
            ({"start": "2020-01-01T10:00:00", "end": "2020-01-01T11:00:00"}, "start"),
            ({"end": "2021-01-01T10:00:00"}, "end: not after the start"),
            ({"zone": "Europe/Zurch"}, "did you mean Europe/Zurich?"),
            ({"attendees": [{"email": "nobody"}]}, "is no mail address"),
            ({"attendees": [{"email": "a@x.org"}, {"email": "A@X.ORG"}]}, "is there twice"),
            ({"summary": "Budget\r\nBcc: everybody@example.org"}, "line break"),
            ({"attendees": [{"email": "a@x.org", "name": "A\nB"}]}, "line break"),
            ({"attendees": []}, "attendees: none"),
            ({"organizer": "nobody"}, "there is no organizer 'nobody'"),
            ({"colour": "red"}, "unknown key 'colour'"),
            ({"summary": None}, "summary: missing"),
            ({"summary": "\ud800"}, "control character"),
            ({"summary": 7}, "summary: not understood"),
            ({"uid": "nul\0uid"}, "uid"),
        ],
    )
    def test_a_refusal_is_one_line_and_leaves_nothing(
        self, file: Path, tmp_path: Path, changes: dict[str, object], complaint: str
    ) -> None:
        described = tmp_path / "meeting.json"
        described.write_text(json.dumps(FULL | changes))

        assert complaint in house.one_line(run("--config", file, "meeting", "create", described))
        assert attendance(file) == []
        assert queued(file) == []

    @pytest.mark.parametrize(
        "content",
        ["", "{", "[]", "7", "null", '{"summary": ' + "1" * 5000 + "}", "[" * 100_000, "\ufeff{}", "{}"],
        ids=lambda content: content[:12] or "empty",
    )
    def test_a_file_that_describes_nothing_is_one_line(
        self, file: Path, tmp_path: Path, content: str
    ) -> None:
        described = tmp_path / "meeting.json"
        described.write_text(content, encoding="utf-8")

        house.one_line(run("--config", file, "meeting", "create", described))

    def test_a_file_that_is_missing_is_one_line(self, file: Path, tmp_path: Path) -> None:
        house.one_line(run("--config", file, "meeting", "create", tmp_path / "missing.json"))

    def test_a_uid_that_is_taken_is_refused(self, file: Path) -> None:
        assert run("--config", file, "meeting", "create", *FLAGS, "--uid", UID).code == 0

        line = house.one_line(run("--config", file, "meeting", "create", *FLAGS, "--uid", UID))
        assert f"there is a meeting {UID} already" in line
        assert len(queued(file)) == 2

    def test_an_organizer_without_smtp_cannot_invite(self, tmp_path: Path) -> None:
        file = house.config(tmp_path, house.organizer(smtp=None))

        assert "[organizer.smtp]" in house.one_line(run("--config", file, "meeting", "create", *FLAGS))


def toml(fields: dict[str, Any]) -> str:
    """The same keys, with times as TOML has them."""
    plain = {key: value for key, value in fields.items() if key != "attendees"}
    lines = [f"{k} = {v}" if k in {"start", "end"} else f"{k} = {json.dumps(v)}" for k, v in plain.items()]
    for one in fields["attendees"]:
        lines += ["[[attendees]]", *(f"{key} = {json.dumps(value)}" for key, value in one.items())]
    return "\n".join(lines)
