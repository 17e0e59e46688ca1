"""The machine that was measured on, without its name."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("imapclient", "icalendar", "sqlmodel", "sqlalchemy", "psycopg")


def describe() -> dict[str, str]:
    """Processor, cores, memory, and the versions of what is measured."""
    facts = {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB",
        "kernel": platform.release().split("-", 1)[0],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "dovecot": _first_word(["dovecot", "--version"]),
        "load": f"{os.getloadavg()[0]:.1f}",
    }
    return facts | {name: version(name) for name in _PACKAGES}


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def _first_word(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return next(iter(done.stdout.split()), "unknown")
