"""BookMeUp's processes, started as a user starts them, on free ports of the loopback."""

import contextlib
import ctypes
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from sqlalchemy import URL
from tests.support.databases import Server

KEYS = {
    "JWT_SECRET_KEY": "jwt-" + "j" * 40,
    "AUTH_SERVICE_KEY": "auth-" + "a" * 40,
    "LOGIC_SERVICE_KEY": "logic-" + "l" * 40,
}
# Everything of ours is set below, so that nothing of the developer's own gets in.
OURS = (
    "ROLE", "ENVIRONMENT", "LOG_LEVEL", "BOOKMEUP_", "METRICS_PORT", "DATABASE_URL", "POSTGRES_", "DB_SERVICE_URL",
    "AUTH_SERVICE_URL", "BASE_URL", "ALLOWED_HOSTS", "FORWARDED_ALLOW_IPS", "RATE_LIMITS", "OUTBOX", "DEFAULT_", *KEYS,
)  # fmt: skip
LOOPBACK = "127.0.0.1"
PATIENCE = 60.0
# Below the ports that the system gives to outgoing connections, which could take the port of a process that restarts.
_ports = itertools.cycle(random.sample(range(12000, 32000), 20000))


def free_port() -> int:
    for port in _ports:
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind((LOOPBACK, port))
            return port
    raise AssertionError


def environment(**ours: str) -> dict[str, str]:
    """Return the environment of the tests without what configures BookMeUp, and with these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}  # noqa: TID251
    return inherited | {"METRICS_PORT": "0", "ENVIRONMENT": "dev", "PYTHONUNBUFFERED": "1"} | ours


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """Have the kernel end this process when the tests' own is killed."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """One process of a role; it keeps its port over a restart."""

    def __init__(self, role: str, folder: Path, settings: Mapping[str, str]) -> None:
        self.role = role
        self.settings = dict(settings)
        self.port = free_port()
        self.log = folder / f"{role}-{self.port}.log"
        self._folder = folder
        self._popen: subprocess.Popen[bytes] | None = None
        self._asked = False

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def another(self) -> "Process":
        """Return one more replica, at a port of its own."""
        return Process(self.role, self._folder, self.settings)

    def start(self) -> Self:
        """Start, and do not wait."""
        command = [sys.executable, "-m", "bookmeup", "--role", self.role, "--port", str(self.port)]
        variables = environment(**self.settings, BOOKMEUP_DATA=str(self._folder / "data"))
        self._asked = False
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                command,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one system call
            )
        return self

    def wait(self, seconds: float = PATIENCE) -> Self:
        """Return when it is ready."""
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            assert self.popen.poll() is None, f"{self.role} ended: {self.tail()}"
            assert time.monotonic() < deadline, f"{self.role} is not ready: {self.tail()}"
            time.sleep(0.05)
        return self

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:  # noqa: S310 - our own URL
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    @property
    def popen(self) -> "subprocess.Popen[bytes]":
        assert self._popen is not None, f"{self.role} was never started"
        return self._popen

    def signal(self, number: int) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        """End it with SIGKILL, as a machine that fails."""
        self.popen.kill()
        self.popen.wait()

    def terminate(self, seconds: float = 45.0) -> int:
        """Tell it to stop, and return its exit code."""
        self.popen.terminate()
        return self.popen.wait(seconds)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Freeze it: it keeps its connections and answers nothing."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def ask_to_end(self) -> None:
        """Tell it to stop whatever state it is in; orderly, so that its coverage is kept."""
        if self._popen is not None and not self._asked and self._popen.poll() is None:
            self._asked = True
            self._popen.send_signal(signal.SIGCONT)
            self._popen.terminate()

    def end(self) -> None:
        """Stop it, at the latest after a while."""
        if self._popen is None or self._popen.poll() is not None:
            return
        self.ask_to_end()
        try:
            self._popen.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


class Site:
    """The three roles beside each other on one database, as three processes or, with `together`, as one."""

    def __init__(self, database: URL, folder: Path, *, together: bool = False, **settings: str) -> None:
        common = {"RATE_LIMITS": "off", "FORWARDED_ALLOW_IPS": LOOPBACK, **KEYS, **settings}
        stored = {"DATABASE_URL": database.render_as_string(hide_password=False).replace("+psycopg2", "", 1)}
        self.database = database
        if together:
            self.db = self.auth = self.logic = Process("all", folder, common | stored)
            return
        self.db = Process("db", folder, common | stored)
        self.auth = Process("auth", folder, common | {"DB_SERVICE_URL": self.db.url})
        wired = {"DB_SERVICE_URL": self.db.url, "AUTH_SERVICE_URL": self.auth.url}
        self.logic = Process("logic", folder, common | wired)

    @property
    def processes(self) -> tuple[Process, ...]:
        return tuple(dict.fromkeys((self.db, self.auth, self.logic)))

    def start(self) -> Self:
        for process in self.processes:
            process.start()
        return self

    def wait(self) -> Self:
        for process in self.processes:
            process.wait()
        return self

    def end(self) -> None:
        """Stop all at once."""
        for process in self.processes:
            process.ask_to_end()
        for process in self.processes:
            process.end()


@contextlib.contextmanager
def running(*sites: Site) -> Iterator[None]:
    """Run these sites, all started at once."""
    try:
        for site in sites:
            site.start()
        for site in sites:
            site.wait()
        yield
    finally:
        for process in (process for site in sites for process in site.processes):
            process.ask_to_end()
        for site in sites:
            site.end()


@contextlib.contextmanager
def by_itself(server: Server, folder: Path, **settings: str) -> Iterator[Site]:
    """Run the role `all` on a database of its own, whose days no other tests open."""
    with server.database() as url:
        site = Site(url, folder, together=True, **settings)
        with running(site):
            yield site
