"""The units that administrators copy: systemd takes them as they are, and they are shut in well."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
UNITS = ROOT / "systemd"
SERVICES = ("rsvpd.service", "rsvpd-poll.service")
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
def units(tmp_path: Path) -> Path:
    """Copies of the units whose program exists."""
    for file in UNITS.iterdir():
        text = file.read_text(encoding="utf-8")
        assert (PROGRAM in text) == (file.suffix == ".service")
        (tmp_path / file.name).write_text(text.replace(PROGRAM, "/bin/true"), encoding="utf-8")
    return tmp_path


def run(*words: str) -> subprocess.CompletedProcess[str]:
    plain = os.environ | {"LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "cat"}
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=60, env=plain)


def settings(unit: str = "rsvpd.service") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (UNITS / unit).read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("unit", [file.name for file in sorted(UNITS.iterdir())])
def test_systemd_has_nothing_to_say_about_a_unit(analyze: str, units: Path, unit: str) -> None:
    verified = run(analyze, "verify", "--man=no", str(units / unit))

    assert (verified.stdout, verified.stderr, verified.returncode) == ("", "", 0)


@pytest.mark.parametrize("unit", SERVICES)
def test_systemd_would_complain_about_a_mistake(analyze: str, units: Path, unit: str) -> None:
    text = (units / unit).read_text(encoding="utf-8")
    (units / unit).write_text(text.replace("UMask=", "Umask="), encoding="utf-8")

    verified = run(analyze, "verify", "--man=no", str(units / unit))
    assert "Umask" in verified.stderr


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_is_shut_in(analyze: str, units: Path, unit: str) -> None:
    looked = run(analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(units / unit))

    exposure = re.search(r"exposure level for \S+: ([\d.]+)", looked.stdout)
    assert exposure, looked.stderr
    assert float(exposure[1]) * 10 <= MOST_EXPOSED
    assert looked.returncode == 0


@pytest.mark.parametrize("unit", SERVICES)
def test_both_services_work_in_the_same_places_as_the_same_user(unit: str) -> None:
    """A relative database lands in the state directory."""
    found = settings(unit)
    assert found["StateDirectory"] == ["rsvpd"]
    assert found["WorkingDirectory"] == ["%S/rsvpd"]
    assert found["DynamicUser"] == ["yes"]
    assert found["User"] == ["rsvpd"]


def test_a_reload_hands_over_the_settings_before_it_asks_to_read_them() -> None:
    """They may hold a password, so they are root's, and the service runs as somebody else."""
    found = settings()
    hand_over = "+/usr/bin/install -m 0444 %E/rsvpd/rsvpd.toml %t/rsvpd/rsvpd.toml"
    assert found["ExecStartPre"] == [hand_over]
    assert found["ExecReload"] == [hand_over, "/bin/kill -HUP $MAINPID"]
    assert found["ExecStart"] == [f"{PROGRAM} --config %t/rsvpd/rsvpd.toml run"]
    assert found["RuntimeDirectoryMode"] == ["0700"]


def test_a_look_by_the_timer_is_handed_the_settings_as_a_credential() -> None:
    found = settings("rsvpd-poll.service")
    assert found["LoadCredential"] == ["rsvpd.toml:/etc/rsvpd/rsvpd.toml"]
    assert found["ExecStart"] == [f"{PROGRAM} --config ${{CREDENTIALS_DIRECTORY}}/rsvpd.toml poll"]


def test_a_stop_waits_for_the_batch_in_hand() -> None:
    found = settings()
    assert found["KillSignal"] == ["SIGTERM"]
    assert found["TimeoutStopSec"] == ["2min"]
    assert found["Restart"] == ["on-failure"]


def test_systemd_waits_until_it_is_ready_and_watches_over_it() -> None:
    found = settings()
    assert found["Type"] == ["notify"]
    assert found["WatchdogSec"] == ["3min"]
