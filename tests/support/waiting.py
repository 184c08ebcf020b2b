"""Waiting for what comes: looked at often, for a bounded time."""

import time
from collections.abc import Callable


def until(holds: Callable[[], bool], seconds: float = 10.0, every: float = 0.05) -> float:
    """Return after how many seconds it held; fail if it does not in time."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(every)
    return time.monotonic() - began
