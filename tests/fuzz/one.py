"""`python -m fuzz.one TARGET CORPUS [libFuzzer's options]`: one target in a process that the fuzzer ends."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["rsvpd.itip", "icalendar", "tnefparse"]):
    from fuzz.targets import TARGETS

if __name__ == "__main__":
    target = TARGETS[sys.argv[1]]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()
