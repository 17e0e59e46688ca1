"""`python -m rsvpd` and the `rsvpd` command: what is foreseeable ends in one line and a status, never a traceback."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from rsvpd.cli import app
from rsvpd.ports import CouldNot

_COULD_NOT = 1
_INTERRUPTED = 130


def main() -> None:
    """Runs one command. Exit status: 0 done, 1 could not, 2 wrong use."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot show a letter shows its number
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except CouldNot as error:
        print(f"rsvpd: {error}", file=sys.stderr)  # noqa: T201  the one line
        sys.exit(_COULD_NOT)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_COULD_NOT)


if __name__ == "__main__":
    main()
