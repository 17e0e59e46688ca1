"""What reads other people's bytes, fuzzed for a moment; and what longer runs once found."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.running import fuzz
from fuzz.seeds import found, seeds
from fuzz.targets import TARGETS

SECONDS = 6


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_and_findings_are_read(target: str) -> None:
    given = list(seeds(target))
    assert given
    for seed in given:
        TARGETS[target](seed)


@pytest.mark.parametrize(
    ("target", "file"),
    [pytest.param(target, file, id=f"{target}-{file.name}") for target in TARGETS for file in found(target)],
)
def test_what_was_found_is_mended(target: str, file: Path) -> None:
    TARGETS[target](file.read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_a_moment_of_fuzzing_finds_nothing(target: str, tmp_path: Path) -> None:
    fuzzed = fuzz(target, SECONDS, tmp_path / "corpus", tmp_path / "findings")

    assert not fuzzed.findings, fuzzed.said[-4000:]
    assert fuzzed.tried > 100
    print(fuzzed)
