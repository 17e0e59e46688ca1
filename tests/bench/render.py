"""What was found, as a table in 80 columns, as JSON, and as the table of the README."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.measures import Finding, Ratio, Row

BEGIN, END = "<!-- measured -->", "<!-- end of what was measured -->"


def table(findings: Sequence[Finding], machine: Mapping[str, str]) -> str:
    """For people, in 80 columns."""
    lines = [*_wrapped([f"{name} {value}" for name, value in machine.items()]), ""]
    for finding in findings:
        lines += [
            f"{finding.case}: {finding.title}",
            f"  {'':30} {'unit':>11} {'median':>10} {'min':>10} {'max':>10}",
        ]
        for row in finding.rows:
            numbers = " ".join(f"{_number(n):>10}" for n in (row.median, min(row.values), max(row.values)))
            lines.append(f"  {row.side:30} {row.unit:>11} {numbers}")
        lines += [f"  {_said(ratio)}" for ratio in finding.ratios]
        lines.append("")
    return "\n".join(lines)


def _said(ratio: Ratio) -> str:
    target = ""
    if ratio.target is not None:
        way = "at most" if ratio.at_most else "at least"
        target = f"  ({way} {_number(ratio.target)}: {'yes' if ratio.holds else 'NO'})"
    return f"{ratio.words} = {_number(ratio.value)}{target}"


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _wrapped(words: Iterable[str]) -> list[str]:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > 77:
            lines[-1] += ","
            lines.append("")
        lines[-1] += f", {word}" if lines[-1] else word
    return lines


def as_json(findings: Sequence[Finding], machine: Mapping[str, str]) -> str:
    """For programs."""
    found = [
        {
            "case": finding.case,
            "title": finding.title,
            "rows": [
                asdict(row) | {"median": row.median, "min": min(row.values), "max": max(row.values)}
                for row in finding.rows
            ],
            "ratios": [asdict(ratio) | {"holds": ratio.holds} for ratio in finding.ratios],
        }
        for finding in findings
    ]
    return json.dumps({"machine": dict(machine), "cases": found}, indent=1, ensure_ascii=False)


def of_json(text: str) -> tuple[list[Finding], dict[str, str]]:
    """What `as_json` wrote."""
    kept = json.loads(text)
    return [_finding(case) for case in kept["cases"]], kept["machine"]


def _finding(case: Mapping[str, Any]) -> Finding:
    rows = [Row(row["side"], row["unit"], tuple(row["values"])) for row in case["rows"]]
    ratios = [Ratio(r["words"], r["value"], r["target"], r["at_most"]) for r in case["ratios"]]
    return Finding(case["case"], case["title"], rows, ratios)


def markdown(findings: Sequence[Finding], machine: Mapping[str, str]) -> str:
    """The table of the README."""
    lines = ["| measured | median (min to max) | compared | ratio | wanted |", "|---|---|---|---|---|"]
    for finding in findings:
        for number, row in enumerate(finding.rows):
            ratio = finding.ratios[number] if number < len(finding.ratios) else None
            first = f"**{finding.title}**<br>" if number == 0 else ""
            span = f"{_number(min(row.values))} to {_number(max(row.values))}"
            values = f"{_number(row.median)} ({span}) {row.unit}"
            lines.append(f"| {first}{row.side} | {values} | {_cells(ratio)} |")
        lines += [f"| | | {_cells(ratio)} |" for ratio in finding.ratios[len(finding.rows) :]]
    about = ", ".join(f"{name} {value}" for name, value in machine.items() if name != "load")
    return "\n".join([*lines, "", f"Measured on: {about}."])


def put_into(text: str, made: str) -> str:
    """`text` with the table in the place of the one before it, between the marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"there are no marks {BEGIN} and {END}")
    return f"{before}{begin}\n{made}\n{end}{after}"


def _cells(ratio: Ratio | None) -> str:
    if ratio is None:
        return "| |"
    wanted = "" if ratio.target is None else f"{'≤' if ratio.at_most else '≥'} {_number(ratio.target)}"
    return f"{ratio.words} | {_number(ratio.value)} | {wanted}"
