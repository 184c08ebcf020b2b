"""Work beside the requests, for as long as a process serves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

AGAIN_SECONDS = 1.0
log = structlog.get_logger()
Work = Callable[[], Awaitable[None]]


@contextlib.asynccontextmanager
async def beside(*works: Work) -> AsyncIterator[None]:
    """Do each of these until the block is left. What goes wrong in one is logged, and a second later it begins anew."""
    tasks = [asyncio.create_task(_for_ever(work)) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _for_ever(work: Work) -> None:
    task = asyncio.current_task()
    while True:
        try:
            await work()
        except asyncio.CancelledError:
            if task is None or task.cancelling():
                raise
            log.warning("work was cancelled by nobody", work=work.__qualname__)  # a library let its own one out
        except Exception:
            log.exception("work failed", work=work.__qualname__)
        await asyncio.sleep(AGAIN_SECONDS)
