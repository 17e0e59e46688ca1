"""A side as a process of its own, so that neither memory nor a warm cache is shared."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

_TESTS = Path(__file__).resolve().parent.parent
_KIB = 1024


def run(side: str, *, cores: int | None = None, **arguments: object) -> dict[str, float]:
    """Runs `MODULE:FUNCTION` with these arguments, on so many cores; what it found.

    `peak` is added: the most memory that the process and its children held, in bytes.
    """
    command = [sys.executable, "-m", "bench.child", side, str(cores or 0)]
    paths = [str(_TESTS), str(_TESTS.parent), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    given = json.dumps(arguments)  # 50,000 attendees are no argument of a command
    done = subprocess.run(
        command, env=environment, input=given, stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _main(side: str, arguments: dict[str, Any], cores: int) -> None:
    if cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    module, _, function = side.partition(":")
    found = getattr(import_module(module), function)(**arguments)
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps(found | {"peak": (own.ru_maxrss + children.ru_maxrss) * _KIB}))


if __name__ == "__main__":
    _main(sys.argv[1], json.load(sys.stdin), int(sys.argv[2]))
