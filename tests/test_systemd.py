"""The unit that administrators copy: systemd takes it as it is, and it is shut in well."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
UNIT = ROOT / "systemd" / "rsvpd.service"
PROGRAM = "/opt/rsvpd/bin/rsvpd"
MOST_EXPOSED = 15
"""In tenths, as `--threshold` counts: 1.5 of 10."""


@pytest.fixture
def analyze() -> str:
    """The program `systemd-analyze`."""
    found = shutil.which("systemd-analyze")
    if found is None:
        missing = "systemd-analyze is not installed (Debian: systemd)"
        if os.environ.get("RSVPD_REQUIRE_SERVERS") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """A copy of the unit whose program exists."""
    text = UNIT.read_text(encoding="utf-8")
    assert PROGRAM in text
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace(PROGRAM, "/bin/true"), encoding="utf-8")
    return copy


def run(*words: str) -> subprocess.CompletedProcess[str]:
    plain = os.environ | {"LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "cat"}
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=60, env=plain)


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_systemd_has_nothing_to_say_about_the_unit(analyze: str, unit: Path) -> None:
    verified = run(analyze, "verify", "--man=no", str(unit))

    said = verified.stdout + verified.stderr
    assert not [line for line in said.splitlines() if unit.stem in line]


def test_systemd_would_complain_about_a_mistake(analyze: str, unit: Path) -> None:
    unit.write_text(unit.read_text(encoding="utf-8").replace("UMask=", "Umask="), encoding="utf-8")

    verified = run(analyze, "verify", "--man=no", str(unit))
    assert "Umask" in verified.stderr


def test_the_service_is_shut_in(analyze: str, unit: Path) -> None:
    looked = run(analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(unit))

    exposure = re.search(r"exposure level for \S+: ([\d.]+)", looked.stdout)
    assert exposure, looked.stderr
    assert float(exposure[1]) * 10 <= MOST_EXPOSED
    assert looked.returncode == 0


def test_a_relative_database_lands_in_the_state_directory() -> None:
    found = settings()
    assert found["StateDirectory"] == ["rsvpd"]
    assert found["WorkingDirectory"] == ["%S/rsvpd"]


def test_the_settings_are_handed_over_by_systemd() -> None:
    """They may hold a password, so they are root's, and the service runs as somebody else."""
    found = settings()
    assert found["DynamicUser"] == ["yes"]
    assert found["LoadCredential"] == ["rsvpd.toml:/etc/rsvpd/rsvpd.toml"]
    assert found["ExecStart"] == [f"{PROGRAM} --config ${{CREDENTIALS_DIRECTORY}}/rsvpd.toml run"]


def test_a_stop_waits_for_the_batch_in_hand() -> None:
    found = settings()
    assert found["KillSignal"] == ["SIGTERM"]
    assert found["TimeoutStopSec"] == ["2min"]
    assert found["Restart"] == ["on-failure"]
