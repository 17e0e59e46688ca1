"""Runs one target for a while, in a process of its own, and counts."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fuzz.seeds import seeds

MEMORY_MB, SECONDS_EACH, MOST_BYTES = 1024, 20, 64 * 1024
"""What one input may take at most before it counts as a finding, and how long an input is made."""


@dataclass(frozen=True)
class Fuzzed:
    """How it went: inputs tried, and where what broke it was written; empty if nothing did."""

    target: str
    tried: int
    findings: tuple[Path, ...]
    said: str

    def __str__(self) -> str:
        return f"{self.target:<10}{self.tried:>12,} inputs{len(self.findings):>6} findings"


def fuzz(target: str, seconds: int, corpus: Path, findings: Path) -> Fuzzed:
    """Fuzzes for so long; `corpus` keeps what was learnt, for the next time."""
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    before = set(findings.iterdir())
    for seed in seeds(target):
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "fuzz.one", target, corpus),
            *(f"-max_total_time={seconds}", f"-timeout={SECONDS_EACH}", f"-rss_limit_mb={MEMORY_MB}"),
            *(f"-max_len={MOST_BYTES}", f"-artifact_prefix={findings}/", "-print_final_stats=1"),
        ],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    new = tuple(sorted(set(findings.iterdir()) - before))
    tried = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    if done.returncode and not new:
        raise RuntimeError(f"the fuzzer of {target} did not run: {done.stderr.strip()[-2000:]}")
    return Fuzzed(target, int(tried[1]) if tried else 0, new, done.stderr)
