"""Passwords' hashes: Argon2id (RFC 9106) with 19 MiB and two passes, in threads of their own, as many as cores."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bookmeup.errors import Fault, Invalid, Overloaded
from bookmeup.web import memory

LONGEST = 1024
IDLE_SECONDS = 2.0
"""After so long without a call the threads give their memory back."""
T = TypeVar("T")


class Passwords:
    """Hashes and verifies without holding up the event loop; beyond four calls a core it refuses."""

    def __init__(self, cores: int | None = None) -> None:
        workers = cores or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores or 1
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._workers = workers
        self._bound = workers + 4 * workers
        self._inside = 0
        self._resting: asyncio.TimerHandle | None = None
        self._dummy: str | None = None
        memory.keep()

    async def hash(self, password: str) -> str:
        _short_enough(password)
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password fits. Without a stored hash a dummy is verified, so that nobody learns who exists."""
        _short_enough(password)

        def work() -> bool:
            against = stored or self._dummy_hash()
            try:
                return self._hasher.verify(against, password) and stored is not None
            except (VerificationError, InvalidHashError):
                return False

        return await self._run(work)

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def hash_now(self, password: str) -> str:
        """Hash on the calling thread: for the command line."""
        _short_enough(password)
        return self._hasher.hash(password)

    def _dummy_hash(self) -> str:
        if self._dummy is None:
            self._dummy = self._hasher.hash(os.urandom(16).hex())
        return self._dummy

    async def prepare(self) -> None:
        """Make the dummy, so that the first unknown user takes as long as the next."""
        await self._run(self._dummy_hash)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._inside >= self._bound:
            raise Overloaded(retry_after=1)
        self._inside += 1
        self._stir()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, work)
        finally:
            self._inside -= 1
            if not self._inside:
                self._resting = loop.call_later(IDLE_SECONDS, self._rest)

    def _stir(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    def _rest(self) -> None:
        """Have each thread give back its memory: the barrier sees to it that none does so twice."""
        together = Barrier(self._workers, timeout=1.0)

        def give_back() -> None:
            with contextlib.suppress(BrokenBarrierError):
                together.wait()
            memory.give_back()

        with contextlib.suppress(RuntimeError):  # the pool is closed, and with it all memory given back
            for _ in range(self._workers):
                self._pool.submit(give_back)

    def close(self) -> None:
        self._stir()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _short_enough(password: str) -> None:
    if len(password.encode("utf-8", "surrogatepass")) > LONGEST:
        raise Invalid([Fault("/password", f"has more than {LONGEST} bytes")])
