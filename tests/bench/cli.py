"""The command line."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bench import clock, machine
from bench.cases import CASES
from bench.measures import Finding, progress
from bench.render import as_json, markdown, of_json, put_into, table
from bench.sizes import Sizes
from bench.world import world

_EPILOG = """\
examples:
  python -m tests.bench --json bench.json          everything, some 30 minutes
  python -m tests.bench drain deciding --rounds 5
  python -m tests.bench --scale 0.1 --no-million   a quick look
  python -m tests.bench --markdown bench.json --into README.md

Ratios are comparable between machines, numbers are not. Needs Dovecot, PostgreSQL
and Postfix (for smtp-sink), as the tests do: `tests/run` installs them.
"""


def main() -> None:
    """Measures what was asked for; ends with 1 if a target is missed."""
    options = _options()
    if options.markdown:
        made = markdown(*of_json(options.markdown.read_text(encoding="utf-8")))
        if options.into:
            options.into.write_text(
                put_into(options.into.read_text(encoding="utf-8"), made), encoding="utf-8"
            )
        else:
            print(made)
        return
    if options.processor:
        os.environ[clock.VARIABLE] = clock.PROCESSOR
    sizes = Sizes(options.rounds, options.scale, options.million)
    facts = machine.describe()
    findings: list[Finding] = []
    with world() as started:
        for name in options.cases or CASES:
            for finding in CASES[name](started, sizes):
                findings.append(finding)
                if options.json:
                    options.json.write_text(as_json(findings, facts), encoding="utf-8")
    progress("done\n")
    print(table(findings, facts))
    sys.exit(any(ratio.holds is False for finding in findings for ratio in finding.ratios))


def _options() -> argparse.Namespace:
    cases = "\n".join(f"  {name:9} {case.__doc__}" for name, case in CASES.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=f"Measures rsvpd side by side with what it is compared with.\n\ncases:\n{cases}",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", choices=[*CASES, []], help="all by default")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each side runs [3]")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="sizes by this factor [1]")
    parser.add_argument(
        "--no-million", dest="million", action="store_false", help="leave the mailbox of a million mails out"
    )
    parser.add_argument(
        "--processor", action="store_true", help="measure by processor time: for a machine that is busy"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found as JSON")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="print the README's table of such a file"
    )
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="put that table between the marks in a file instead"
    )
    return parser.parse_args()
