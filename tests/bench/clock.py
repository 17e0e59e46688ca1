"""The clock that sides measure by: the wall's, or on a busy machine the processor's."""

from __future__ import annotations

import os
import time

VARIABLE = "BENCH_CLOCK"
PROCESSOR = "processor"


def now() -> float:
    """Seconds; differences count."""
    return time.process_time() if os.environ.get(VARIABLE) == PROCESSOR else time.perf_counter()
