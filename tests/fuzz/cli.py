"""The command line of the fuzzer."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from fuzz.running import fuzz
from fuzz.seeds import FINDINGS
from fuzz.targets import TARGETS


def main() -> int:
    """Fuzzes what was asked for, one after the other; 1 if something was found."""
    known = "\n".join(f"  {name:<10}{(call.__doc__ or '').splitlines()[0]}" for name, call in TARGETS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description="Feeds mutated mails to what reads other people's bytes, guided by coverage.",
        epilog=f"targets:\n{known}\n\nAn hour for calendars:\n  python -m tests.fuzz --seconds 3600 calendar",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", nargs="*", choices=[*TARGETS, []], help="all of them if none is named")
    parser.add_argument("--seconds", type=int, default=60, help="how long each [60]")
    parser.add_argument("--corpus", type=Path, help="keeps what was learnt for the next run")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = []
        for target in asked.target or TARGETS:
            corpus = (asked.corpus or Path(folder)) / target
            results.append(fuzz(target, asked.seconds, corpus, FINDINGS / target))
            print(results[-1], flush=True)
            for finding in results[-1].findings:
                print(f"  {finding}: keep it there and mend what it breaks", flush=True)
    return int(any(result.findings for result in results))


if __name__ == "__main__":
    sys.exit(main())
