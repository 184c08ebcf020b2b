"""Serving an application: sockets, signals, the way to the end, and the metrics beside it."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from functools import partial
from types import FrameType
from typing import cast

import prometheus_client
import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import HANDLED_SIGNALS, ServerState

from bookmeup.web.gate import Gate, Limits, trust
from bookmeup.web.protocol import BoundedProtocol

STOPPED, CANNOT_START, INTERRUPTED = 0, 1, 130
BACKLOG = 2048
DRAIN_SECONDS = 30
NOTICE_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 0.05

log = structlog.get_logger()


class CannotListenError(Exception):
    """An address cannot be had; the text is a sentence for whoever started the program."""


class Draining:
    """Whether this process has been told to stop: readiness and the outbox ask, others may be told."""

    def __init__(self) -> None:
        self.begun = False
        self._callbacks: list[Callable[[], None]] = []

    def on_begin(self, callback: Callable[[], None]) -> None:
        """Have a quick function called, in the event loop, when the end begins."""
        self._callbacks.append(callback)

    def begin(self) -> None:
        """Begin the end, once."""
        if self.begun:
            return
        self.begun = True
        for callback in self._callbacks:
            callback()


class Server(uvicorn.Server):
    """uvicorn's server that says goodbye first, and returns after a signal instead of dying of it."""

    def __init__(self, config: uvicorn.Config, gate: Gate, draining: Draining, notice: float = NOTICE_SECONDS) -> None:
        super().__init__(config)
        self.gate = gate
        self.draining = draining
        self.notice = notice
        self.on_started: Callable[[], None] | None = None
        self._serving: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._serving = asyncio.current_task()
        loop = asyncio.get_running_loop()

        def tell(number: int, _: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.told, number)

        before = {number: signal.signal(number, tell) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def told(self, number: int) -> None:
        """Begin the end at a first signal; at a second Ctrl-C end now."""
        if not self.should_exit:
            log.info("stopping", signal=signal.Signals(number).name)
            self.stop()
        elif number == signal.SIGINT:
            self.force_exit = True
            if self._serving is not None:
                self._serving.cancel()

    def stop(self) -> None:
        """Begin the end: not ready any more, and each answer is its connection's last."""
        self.should_exit = True
        self.gate.closing = True
        self.draining.begin()
        for connection in self.server_state.connections:
            cast("BoundedProtocol", connection).last_answer()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.on_started is not None and not self.should_exit:
            self.on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.stop()
        await self.give_notice()
        await super().shutdown(sockets)

    async def give_notice(self) -> None:
        """Let clients with open connections send one more request and learn from its answer to come no more.

        An idle connection that is simply closed may have a request on its way, which is then lost.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self.notice
        while self.server_state.connections and loop.time() < end and not self.force_exit:  # noqa: ASYNC110 - no event
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def serve(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    metrics_port: int = 0,
    trusted: Sequence[str] = (),
    draining: Draining | None = None,
    on_ready: Callable[[int], None] | None = None,
    limits: Limits | None = None,
    notice: float = NOTICE_SECONDS,
    drain: int = DRAIN_SECONDS,
) -> int:
    """Serve until a signal; give the process's exit code.

    `on_ready` gets the port, `metrics_port` 0 means no metrics, `notice` and `drain` are seconds: the time in which
    clients are sent away, and then the longest wait for answers in progress. Raises CannotListenError.
    """
    gate = Gate(limits or Limits(), trust(trusted))
    sockets = bind(host, port)
    config = configured(app, gate, trusted, drain)
    server = Server(config, gate, draining or Draining(), notice)
    listening_port = sockets[0].getsockname()[1]

    def started() -> None:
        log.info("listening", host=host, port=listening_port)
        if on_ready is not None:
            on_ready(listening_port)

    server.on_started = started
    try:
        async with metrics_endpoint(host, metrics_port, trusted):
            await server.serve(sockets)
    except OSError as error:
        # Two that bind at the same time both succeed; the second to listen does not.
        raise CannotListenError(why_not(error, host, port)) from error
    except SystemExit:
        return CANNOT_START  # the application's own start failed, and uvicorn has logged why
    except asyncio.CancelledError:
        if not server.force_exit:
            raise
        return INTERRUPTED
    finally:
        for listener in sockets:
            listener.close()
    return STOPPED if server.started else CANNOT_START


def run(app: ASGIApp, *, host: str, port: int, **options: object) -> int:
    """Serve in an event loop of its own; options are those of `serve`. Give the process's exit code."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            return runner.run(serve(app, host=host, port=port, **options))  # type: ignore[arg-type]
        except CannotListenError as error:
            sys.stderr.write(f"{error}\n")
            return CANNOT_START


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Give uvloop's loop, or the interpreter's own where uvloop does not exist (Windows)."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def configured(app: ASGIApp, gate: Gate, trusted: Sequence[str], drain: int, lifespan: str = "on") -> uvicorn.Config:
    """Make uvicorn's configuration around the bounded protocol."""
    return uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", partial(BoundedProtocol, gate)),
        ws="none",
        interface="asgi3",
        lifespan="on" if lifespan == "on" else "off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=bool(trusted),
        forwarded_allow_ips=list(trusted),
        server_header=False,
        timeout_graceful_shutdown=drain,
    )


@contextlib.asynccontextmanager
async def metrics_endpoint(host: str, port: int, trusted: Sequence[str] = ()) -> AsyncIterator[int]:
    """Serve Prometheus' text on a port of its own, in the running loop; port 0: nothing at all."""
    if port == 0:
        yield 0
        return
    gate = Gate(Limits(), trust(trusted))
    config = configured(prometheus_client.make_asgi_app(), gate, (), DRAIN_SECONDS, lifespan="off")
    config.load()
    state = ServerState()
    protocol = partial(BoundedProtocol, gate, config=config, server_state=state, app_state={})
    sockets = bind(host, port)
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(protocol, sock=listener, backlog=BACKLOG) for listener in sockets]
    try:
        yield port
    finally:
        for server in servers:
            server.close()
        for connection in list(state.connections):
            cast("BoundedProtocol", connection).transport.abort()


def bind(host: str, port: int) -> list[socket.socket]:
    """Take all addresses of a host before anything is started, so that a used port is known at once.

    Nobody can connect until the application has started: the sockets do not listen yet.
    """
    sockets: list[socket.socket] = []
    try:
        found = dict.fromkeys(
            (family, address)
            for family, _, _, _, address in socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        )
        for family, address in found:
            listener = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(listener)
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address[0], port or sockets[0].getsockname()[1], *address[2:]))
    except OSError as error:
        for listener in sockets:
            listener.close()
        raise CannotListenError(why_not(error, host, port)) from error
    return sockets


def why_not(error: OSError, host: str, port: int) -> str:
    """Say in one sentence why an address cannot be had."""
    where = f"BookMeUp cannot listen on {host}, port {port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: another program uses it; stop that one or choose another port."
    if error.errno == errno.EACCES:
        return f"{where}: ports below 1024 need more rights; choose a higher one."
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{where}: this machine does not have that address."
    return f"{where}: {error.strerror or error}."
