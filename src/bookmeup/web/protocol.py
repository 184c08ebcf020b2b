"""uvicorn's HTTP/1.1 protocol with the deadlines and sizes that it lacks.

A connection has one timer for what it waits to read and one for what it waits to write. A request that arrives in one
piece arms neither. uvicorn 0.54 alone keeps silent and slow senders for ever, and takes a head of 50 MB.
"""

import asyncio
from contextvars import Context
from enum import Enum, auto
from typing import Any, cast

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from bookmeup.web.gate import MALFORMED, REFUSED, TOO_LARGE, TOO_SLOW, Gate, LastWord


class Phase(Enum):
    """Which part of a request is being read."""

    BETWEEN = auto()
    HEAD = auto()
    BODY = auto()


class TooLargeError(Exception):
    """Stops the parser in the middle of a head or of trailers."""


class Whole:
    """What a cycle writes to: an answer's head waits for its body, so that both go out, and wake the client, once.

    A head whose body does not come at once goes out alone.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None

    def write(self, piece: bytes) -> None:
        if self._head is None:
            self._head = piece
            self._loop.call_soon(self._send_head)
        elif self._head:
            self._transport.writelines([self._taken(), piece])
        else:
            self._transport.write(piece)

    def close(self) -> None:
        self._send_head()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _send_head(self) -> None:
        if self._head and not self._transport.is_closing():
            self._transport.write(self._taken())

    def _taken(self) -> bytes:
        head, self._head = self._head or b"", b""
        return head


class BoundedProtocol(HttpToolsProtocol):
    """One connection within its limits."""

    def __init__(
        self,
        gate: Gate,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.gate = gate
        self.limits = gate.limits
        self.timeout_keep_alive = gate.limits.idle  # type: ignore[assignment]  # call_later takes fractions too
        self.address: str | None = None
        self.phase = Phase.BETWEEN
        self.head_bytes = 0
        self.body_bytes = 0
        self.body_began = 0.0
        self.quiet_bytes = 0  # those that the parser keeps to itself: an unfinished header or trailer
        self.quiet = True
        self.refusal = MALFORMED
        self.refused = False
        self.lingering = False
        self.lost = False
        self.read_timer: asyncio.TimerHandle | None = None
        self.write_timer: asyncio.TimerHandle | None = None
        self.unsent = 0

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client is not None:
            if not self.gate.admit(self.client[0]):
                REFUSED.labels("too_many_connections").inc()
                self.refused = True
                transport.close()
                return
            self.address = self.client[0]
        self.read_timer = self.loop.call_later(self.limits.first_byte, self.head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self.address is not None:
            self.gate.release(self.address)
        self._unset_keepalive_if_required()
        self.stop_waiting()
        self.stop_write_timer()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self.lingering:
            self.transport.close()
        else:
            super().shutdown()
        self.finish_closing()

    def last_answer(self) -> None:
        """Let the answer in progress, if there is one, be the connection's last."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self.finish_closing()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        # An empty context: a pipelined request starts in the task of the one before it and would inherit its values.
        task = self.loop.create_task(cycle.run_asgi(app), context=Context())
        task.add_done_callback(self.task_done)
        self.tasks.add(task)

    def task_done(self, task: asyncio.Task[None]) -> None:
        """See to it that a closed connection ends, even when its reader has stalled."""
        self.tasks.discard(task)
        self.finish_closing()

    # Reading

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return
        self._unset_keepalive_if_required()
        step = self.limits.head_bytes
        if len(data) <= step:
            self.feed(data)
        else:
            # In pieces, so that what the parser collects by itself is seen before it grows.
            whole = memoryview(data)
            for start in range(0, len(data), step):
                self.feed(whole[start : start + step])
                if self.refused:
                    break
        if not self.refused:
            self.wait_for_the_rest()

    def feed(self, data: bytes | memoryview) -> None:
        """Give the parser at most `head_bytes` bytes."""
        self.quiet = True
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The upgrade is declined by answering in HTTP/1.1; what follows may be in another language.
            self.last_answer()
        except httptools.HttpParserError:
            self.refuse(self.refusal)
            return
        if self.quiet:
            self.quiet_bytes += len(data)
            if self.quiet_bytes > self.limits.head_bytes:
                self.refuse(TOO_LARGE)

    def wait_for_the_rest(self) -> None:
        """Arm the timer when a request has arrived in part."""
        if self.read_timer is not None:
            return
        if self.phase is Phase.BODY:
            self.body_began = self.loop.time()
            self.read_timer = self.loop.call_later(min(self.limits.body_grace, self.limits.body), self.check_body)
        elif self.phase is Phase.HEAD or self.cycle is None or self.cycle.response_complete:
            self.read_timer = self.loop.call_later(self.limits.head, self.head_is_late)

    def stop_waiting(self) -> None:
        """Disarm the timer for reading."""
        if self.read_timer is not None:
            self.read_timer.cancel()
            self.read_timer = None

    def head_is_late(self) -> None:
        """End a connection that said nothing, or only a part of a head."""
        self.refuse(TOO_SLOW)

    def check_body(self) -> None:
        """End a connection whose body is late or slow, as far as the client is to blame for it."""
        self.read_timer = None
        now, limits = self.loop.time(), self.limits
        interval = limits.body_grace / 2
        if self.flow.read_paused or self.cycle.waiting_for_100_continue:
            self.body_began += interval
            self.read_timer = self.loop.call_later(interval, self.check_body)
            return
        elapsed = now - self.body_began
        if elapsed >= limits.body or self.body_bytes < limits.body_rate * elapsed:
            self.refuse(TOO_SLOW)
        else:
            self.read_timer = self.loop.call_later(min(interval, limits.body - elapsed), self.check_body)

    # What the parser calls

    def on_message_begin(self) -> None:
        self.stop_waiting()
        self.quiet = False
        self.phase = Phase.HEAD
        self.head_bytes = self.quiet_bytes = 0
        super().on_message_begin()

    def count_head(self, size: int) -> None:
        """Stop at a head that is too large, in any of its parts."""
        self.head_bytes += size
        if self.head_bytes > self.limits.head_bytes:
            self.too_large()

    def too_large(self) -> None:
        """Stop the parser."""
        self.refusal = TOO_LARGE
        raise TooLargeError

    def on_url(self, url: bytes) -> None:
        self.count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.count_head(len(name) + len(value) + 4)
        if self.phase is Phase.BODY:
            return  # a trailer must not become a header of a request that is already being answered
        super().on_header(name, value)
        if len(self.headers) > self.limits.headers:
            self.too_large()
        if len(value) > self.limits.authorization_bytes and self.headers[-1][0] == b"authorization":
            self.too_large()

    def on_headers_complete(self) -> None:
        self.stop_waiting()
        self.quiet = False
        super().on_headers_complete()
        if self.scope["method"] != "HEAD" and not self.expect_100_continue:  # whose first words are not held back
            self.cycle.transport = cast("asyncio.Transport", Whole(self.transport, self.loop))
        self.phase = Phase.BODY
        self.body_bytes = self.quiet_bytes = 0
        if self.gate.closing:
            self.last_answer()

    def on_body(self, body: bytes) -> None:
        self.quiet = False
        self.quiet_bytes = 0
        self.body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.stop_waiting()
        self.quiet = False
        self.phase = Phase.BETWEEN
        super().on_message_complete()

    # Refusing

    def refuse(self, refusal: LastWord) -> None:
        """End the connection; answer where nothing has been said yet and a client has asked."""
        self.stop_waiting()
        self.refused = True
        REFUSED.labels(refusal.code).inc()
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            silent = cycle is None and refusal is TOO_SLOW and self.phase is Phase.BETWEEN
            remainder = self.phase is Phase.BODY  # of a request that was answered before its end
            self.hang_up(None if silent or remainder else refusal)
        elif self.phase is not Phase.BODY:
            self.last_answer()  # an earlier request is being answered, and nothing may come between
        else:
            cycle.disconnected = True
            cycle.message_event.set()
            self.hang_up(None if cycle.response_started or self.pipeline else refusal)

    def hang_up(self, refusal: LastWord | None) -> None:
        """Close, after an answer and the time that a client needs to read it."""
        if refusal is None:
            self.transport.close()
            self.finish_closing()
            return
        self.transport.write(refusal.answer())
        self.transport.write_eof()
        self.flow.resume_reading()
        self.lingering = True
        self.read_timer = self.loop.call_later(self.limits.linger, self.shutdown)

    # Writing

    def pause_writing(self) -> None:
        super().pause_writing()
        self.expect_progress()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self.stop_write_timer()

    def finish_closing(self) -> None:
        """Give a connection that is being closed the time of one stalled write, no more."""
        if self.transport.is_closing() and not self.lost:
            self.expect_progress()

    def expect_progress(self) -> None:
        """Arm the timer for writing."""
        if self.write_timer is None:
            self.unsent = self.transport.get_write_buffer_size()
            self.write_timer = self.loop.call_later(self.limits.write, self.check_write)

    def check_write(self) -> None:
        """Drop a connection whose client has read nothing since the last look."""
        self.write_timer = None
        if self.transport.get_write_buffer_size() < self.unsent:
            self.expect_progress()
        else:
            REFUSED.labels("stalled_reader").inc()
            self.transport.abort()

    def stop_write_timer(self) -> None:
        """Disarm the timer for writing."""
        if self.write_timer is not None:
            self.write_timer.cancel()
            self.write_timer = None
