"""What can be measured, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from bench.cases import deciding, drain, fanout, idle, latency, memory, queries
from bench.measures import Finding
from bench.sizes import Sizes
from bench.world import World

Case = Callable[[World, Sizes], Iterator[Finding]]

CASES: Mapping[str, Case] = MappingProxyType(
    {
        "drain": drain.measure,
        "latency": latency.measure,
        "memory": memory.measure,
        "poll": idle.polls,
        "idle": idle.mailboxes,
        "fanout": fanout.measure,
        "queries": queries.measure,
        "deciding": deciding.measure,
    }
)
"""Each gives its findings as they are there; its docstring says what it measures."""
