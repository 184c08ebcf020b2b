"""The wire to a process, or to one of its replicas, which may be slow, cut, or hang with both of its ends open."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

from tests.support.processes import LOOPBACK, free_port

SECONDS = 10.0
CHUNK = 65536


class Wire:
    """Carries what comes at a port of its own to a server, at a port or at a socket's path, and back.

    Of several `servers` each connection gets any one, and keeps it when they change, as behind a Kubernetes Service.
    `sent` is what clients sent, piece by piece, since the wire was made.
    """

    def __init__(self, *servers: int | Path) -> None:
        self.port = free_port()
        self.servers = servers
        self.sent: list[bytes] = []
        self._delay = 0.0
        self._is_cut = False
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._flows.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._in_loop(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        self._in_loop(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextlib.contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Let each piece be so long under way."""
        self._delay = seconds
        try:
            yield
        finally:
            self._delay = 0.0

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """End all connections by a reset, and each new one."""
        self._is_cut = True
        self._in_loop(self._reset)
        try:
            yield
        finally:
            self._is_cut = False

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Carry nothing and say nothing; what came meanwhile arrives afterwards."""
        self._loop.call_soon_threadsafe(self._flows.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._flows.set)

    def _in_loop(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(SECONDS)

    async def _listen(self) -> None:
        self._listening = await asyncio.start_server(self._connected, LOOPBACK, self.port)

    async def _close(self) -> None:
        self._listening.close()
        await self._reset()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _reset(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
            self._keep(opened, writer)
            await self._flows.wait()
            beyond, back = await self._reach()
            self._keep(opened, back)
            await asyncio.gather(self._carry(reader, back, self.sent.append), self._carry(beyond, writer))

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        server = random.choice(self.servers)
        if isinstance(server, int):
            return await asyncio.open_connection(LOOPBACK, server)
        return await asyncio.open_unix_connection(server)

    def _keep(self, opened: contextlib.ExitStack, end: asyncio.StreamWriter) -> None:
        self._ends.add(end)
        opened.callback(end.close)
        opened.callback(partial(self._ends.discard, end))

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], None] | None = None
    ) -> None:
        """Pass on until the one end closes, then close the other."""
        try:
            while piece := await reader.read(CHUNK):
                await asyncio.sleep(self._delay)
                await self._flows.wait()
                if note:
                    note(piece)
                writer.write(piece)
                await writer.drain()
        finally:
            writer.close()
