"""Threads that work for the event loop, as many as there are connections, and a bound on who may wait for one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bookmeup.errors import Overloaded

T = TypeVar("T")


class Lane:
    """Runs blocking work in `threads` threads. Beyond `queue` waiting calls it refuses those that are not patient."""

    def __init__(self, name: str, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._threads = threads
        self._queue = 2 * threads
        self._inside = 0

    async def run(self, work: Callable[[], T], *, patient: bool) -> T:
        """Await the work's result. A patient caller waits as long as it likes: its deadline ends it."""
        if not patient and self._inside >= self._threads + self._queue:
            raise Overloaded
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._inside -= 1

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
