"""`rsvpd run` as a process of its own, and what the kernel says of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def running(settings: Path, log: Path) -> Iterator[int]:
    """The daemon's process id, until the end of the block."""
    command = [sys.executable, "-m", "rsvpd", "--config", str(settings), "run"]
    with log.open("wb") as sink, subprocess.Popen(command, stdout=sink, stderr=sink) as process:
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(60)


def cpu_seconds(pid: int) -> float:
    """What the process used of the processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def status(pid: int, name: str) -> int:
    """A number of /proc/PID/status, such as VmRSS in kB or Threads."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))
