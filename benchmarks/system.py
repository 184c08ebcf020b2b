"""What runs during the measurements: the floors' servers, and the three roles, each a process with one worker."""

import contextlib
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL

from benchmarks.database import plain
from benchmarks.machine import free_port, process, wait_until_ready

FLOORS = ("one_hop", "back", "front")
ROLES = ("db", "auth", "logic")
FIRST_PATH = "/services"


@dataclass
class System:
    """Processes by name."""

    ports: dict[str, int] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)


class Environments:
    """What each process is told. The secrets are the same in all of a run: new ones would mean new signing keys."""

    def __init__(self, url: URL, data: Path) -> None:
        self._database = {"DATABASE_URL": plain(url)}
        names = ("JWT_SECRET_KEY", "AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY")
        self._common = {name: secrets.token_urlsafe(48) for name in names} | {
            "BOOKMEUP_DATA": str(data),
            "LOG_LEVEL": "warning",
            "METRICS_PORT": "0",
            "RATE_LIMITS": "off",
        }

    def embed(self) -> None:
        """From now on let the processes start the embedded PostgreSQL themselves."""
        self._database = {}

    def role(self, role: str, ports: dict[str, int]) -> dict[str, str]:
        """Return the settings of a role, with the addresses of those that run."""
        apart = {f"{name.upper()}_SERVICE_URL": f"http://127.0.0.1:{ports[name]}" for name in ROLES if name in ports}
        return self._common | apart | (self._database if role in ("db", "all") else {})

    def floor(self, ports: dict[str, int]) -> dict[str, str]:
        return self._database | {"BACK_URL": f"http://127.0.0.1:{ports.get('back', 0)}/"}


@contextlib.contextmanager
def system(told: Environments, folder: Path) -> Iterator[System]:
    """Run all; give their ports and process ids."""
    made = System()
    with contextlib.ExitStack() as stack:
        for name in FLOORS:
            made.ports[name] = free_port()
            arguments = _uvicorn(f"benchmarks.floors:{name}", made.ports[name])
            made.pids[name] = _started(stack, arguments, told.floor(made.ports), folder / f"{name}.log", "/")
        made.ports |= {role: free_port() for role in ROLES}
        for role in ROLES:
            arguments = _bookmeup(role, made.ports[role])
            environment = told.role(role, made.ports)
            made.pids[role] = _started(stack, arguments, environment, folder / f"{role}.log", "/readyz")
        yield made


def _uvicorn(factory: str, port: int) -> list[str]:
    return [
        "uvicorn", "--factory", factory, "--port", str(port), "--loop", "uvloop", "--http", "httptools",
        "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip


def _bookmeup(role: str, port: int) -> list[str]:
    return ["bookmeup", "--role", role, "--port", str(port)]


def _started(
    stack: contextlib.ExitStack, arguments: Sequence[str], environment: dict[str, str], log: Path, path: str
) -> int:
    """Start a server that ends with the stack, and wait until it answers; return its process id."""
    started = stack.enter_context(process(arguments, environment, log))
    port = arguments[arguments.index("--port") + 1]
    wait_until_ready(started, f"http://127.0.0.1:{port}{path}", log)
    return started.pid


def first_answer_seconds(told: Environments, folder: Path) -> float:
    """Return how long role `all` takes from its start to its first answer."""
    began = time.perf_counter()
    with contextlib.ExitStack() as stack:
        _started(stack, _bookmeup("all", free_port()), told.role("all", {}), folder / "all.log", FIRST_PATH)
        return time.perf_counter() - began
