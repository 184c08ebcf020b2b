"""Processes: starting them, waiting until they answer, what memory they have, ending them."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

PATIENCE_SECONDS = 60.0
STOP_SECONDS = 40.0


class BenchmarkError(Exception):
    """The run is worth nothing; the text says why."""


def told(name: str) -> str:
    """Return what a floor's process was told by its parent."""
    return os.environ[name]  # noqa: TID251 - a floor is started by uvicorn, and has no other way to be told


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def process(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python module with this environment and no other, until the end of the block."""
    whole = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment}
    with log.open("ab") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", *arguments], env=whole, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def wait_until_ready(started: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait for the first answer of 200."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not answers(url):
        if started.poll() is not None or time.monotonic() > end:
            raise BenchmarkError(f"{url} does not answer. Its log ends:\n{log.read_text()[-2000:]}")
        time.sleep(0.02)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own http URL
            return int(answer.status) == 200
    except (URLError, OSError):
        return False


def resident_megabytes(pid: int) -> float:
    """Return the resident memory of a process, as ps tells it."""
    told_by_ps = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(told_by_ps.stdout) / 1024


def cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
