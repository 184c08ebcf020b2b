"""A laptop: secrets made once, three roles in three terminals on one folder, then all in one, and the same data."""

import json
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import httpx2
import pytest
from tests.support.postgres import temporary_folder
from tests.support.processes import LOOPBACK, environment, free_port

PATIENCE = 60.0
DEFAULT_PORTS = {"auth": 5001, "logic": 5002, "db": 5003}
EMAIL, PASSWORD = "boss@salon.example", "a long enough password"


def plain_environment(**more: str) -> dict[str, str]:
    """Return the environment of a terminal: nothing of ours but these."""
    whole = environment(**more)
    return {name: value for name, value in whole.items() if name not in ("METRICS_PORT", "ENVIRONMENT") or name in more}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    found = temporary_folder()
    yield found / "data"
    shutil.rmtree(found, ignore_errors=True)


class Terminal:
    """A process that somebody started by hand."""

    def __init__(self, log: Path, variables: Mapping[str, str], *options: str) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bookmeup", *options],
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def ready_at(self, port: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.said
            try:
                with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        pytest.fail(f"not ready: {self.said}")

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


def command(folder: Path, *arguments: str, stdin: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
    variables = plain_environment(BOOKMEUP_DATA=str(folder), **more)
    return subprocess.run(
        [sys.executable, "-m", "bookmeup", *arguments], env=variables, input=stdin, capture_output=True, text=True,
        timeout=120,
        check=False,
    )  # fmt: skip


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_five_at_once_make_one_set_of_secrets(tmp_path: Path) -> None:
    data = tmp_path / "data"
    code = (
        "import sys; from pathlib import Path; from bookmeup.cli.laptop import kept_secrets; "
        "print(sorted(kept_secrets(Path(sys.argv[1])).items()))"
    )

    def one(_: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, str(data)], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    with ThreadPoolExecutor(5) as pool:
        assert len(set(pool.map(one, range(5)))) == 1
    assert [path.name for path in data.iterdir()] == ["secrets.json"]
    assert (mode(data), mode(data / "secrets.json")) == (0o700, 0o600)
    made = json.loads((data / "secrets.json").read_text())
    assert set(made) == {"JWT_SECRET_KEY", "AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY"}
    assert len(set(made.values())) == 3
    assert all(len(value) >= 32 for value in made.values())


def test_five_migrations_of_an_empty_folder_at_once_all_succeed() -> None:
    found = temporary_folder()
    try:
        with ThreadPoolExecutor(5) as pool:
            done = list(pool.map(lambda _: command(found / "data", "migrate"), range(5)))
        assert [(one.returncode, one.stderr) for one in done] == [(0, "")] * 5
    finally:
        shutil.rmtree(found, ignore_errors=True)


def is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """The ports of a stranger's laptop, where nobody else uses them."""
    used = [port for port in DEFAULT_PORTS.values() if not (is_free(port) and is_free(port + 4000))]
    return {role: free_port() for role in DEFAULT_PORTS} if used else DEFAULT_PORTS


def told_of(ports: Mapping[str, int]) -> dict[str, str]:
    """Return what has to be said where the usual ports are taken: nothing else."""
    if ports == DEFAULT_PORTS:
        return {}
    urls = {f"{name}_SERVICE_URL": f"http://{LOOPBACK}:{ports[name.lower()]}" for name in ("DB", "AUTH")}
    return {**urls, "METRICS_PORT": "0"}


@pytest.fixture(scope="module")
def apart(folder: Path, ports: dict[str, int]) -> Iterator[dict[str, str]]:
    """Three terminals, started at once; the URL of each role."""
    folder.parent.mkdir(exist_ok=True)
    variables = plain_environment(BOOKMEUP_DATA=str(folder), **told_of(ports))
    with ExitStack() as stack:
        terminals = {}
        for role, port in ports.items():
            options = ["--role", role] if ports == DEFAULT_PORTS else ["--role", role, "--port", str(port)]
            terminals[role] = stack.enter_context(Terminal(folder.parent / f"{role}.log", variables, *options))
        for role, terminal in terminals.items():
            terminal.ready_at(ports[role])
        yield {role: f"http://{LOOPBACK}:{port}" for role, port in ports.items()}


def signed_in(url: str, email: str, password: str, client: httpx2.Client) -> httpx2.Response:
    return client.post(f"{url}/auth/login", json={"email": email, "password": password})


def test_three_terminals_and_one_folder_are_a_system(
    apart: dict[str, str], folder: Path, client: httpx2.Client
) -> None:
    body = {"name": "Ana", "email": "ana@salon.example", "password": PASSWORD}
    assert client.post(f"{apart['auth']}/auth/register", json=body).status_code == 201
    token = signed_in(apart["auth"], body["email"], PASSWORD, client).json()["access_token"]
    me = client.get(f"{apart['logic']}/profile", headers={"authorization": f"Bearer {token}"})
    assert me.json()["email"] == body["email"]
    assert client.get(f"{apart['logic']}/services").json() == []
    assert client.get(f"{apart['db']}/services").status_code == 401
    assert (mode(folder / "postgres"), mode(folder / "secrets.json")) == (0o700, 0o600)


def test_an_admin_is_made_beside_them(apart: dict[str, str], folder: Path, client: httpx2.Client) -> None:
    done = command(folder, "create-admin", "--email", EMAIL, "--name", "The Boss", stdin=PASSWORD + "\n")
    assert (done.returncode, done.stdout.strip()) == (0, f"Admin {EMAIL} created.")
    assert PASSWORD not in done.stdout + done.stderr
    user = signed_in(apart["auth"], EMAIL, PASSWORD, client).json()["user"]
    assert (user["role"], user["name"]) == ("admin", "The Boss")
    again = command(folder, "create-admin", "--email", EMAIL.upper(), "--name", "Another", stdin=PASSWORD + "\n")
    assert again.returncode == 1
    assert "already registered" in again.stderr
    assert "Traceback" not in again.stderr


def test_a_password_is_set_and_the_sessions_end(apart: dict[str, str], folder: Path, client: httpx2.Client) -> None:
    command(folder, "create-admin", "--email", "lost@salon.example", "--name", "Lost", stdin=PASSWORD)
    token = signed_in(apart["auth"], "lost@salon.example", PASSWORD, client).json()["access_token"]
    done = command(folder, "set-password", "--email", "lost@salon.example", stdin="another long password\n")
    assert done.returncode == 0, done.stderr
    assert signed_in(apart["auth"], "lost@salon.example", PASSWORD, client).status_code == 401
    assert signed_in(apart["auth"], "lost@salon.example", "another long password", client).status_code == 200
    assert client.get(f"{apart['logic']}/profile", headers={"authorization": f"Bearer {token}"}).status_code == 401
    nobody = command(folder, "set-password", "--email", "nobody@salon.example", stdin=PASSWORD)
    assert nobody.returncode == 1
    assert "no user" in nobody.stderr


def test_commands_reach_a_db_that_is_named(apart: dict[str, str], folder: Path, client: httpx2.Client) -> None:
    """As in a cluster: by db's HTTP, with auth's key."""
    done = command(
        folder,
        "create-admin",
        "--email",
        "far@salon.example",
        "--name",
        "Far",
        stdin=PASSWORD,
        DB_SERVICE_URL=apart["db"],
    )
    assert done.returncode == 0, done.stderr
    assert signed_in(apart["auth"], "far@salon.example", PASSWORD, client).json()["user"]["role"] == "admin"
    away = command(folder, "set-password", "--email", EMAIL, stdin=PASSWORD, DB_SERVICE_URL=f"http://{LOOPBACK}:1")
    assert away.returncode == 1
    assert "Traceback" not in away.stderr


def test_all_in_one_finds_what_the_three_left(folder: Path, client: httpx2.Client) -> None:
    """Twice in a row, ended by Ctrl-C and by a signal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        port = free_port()
        variables = plain_environment(BOOKMEUP_DATA=str(folder), METRICS_PORT="0")
        with Terminal(folder.parent / "all.log", variables, "--port", str(port)) as terminal:
            terminal.ready_at(port)
            assert f"http://{LOOPBACK}:{port}" in terminal.said
            assert str(folder) in terminal.said
            assert signed_in(f"http://{LOOPBACK}:{port}", EMAIL, PASSWORD, client).json()["user"]["role"] == "admin"
            terminal.process.send_signal(number)
            assert terminal.process.wait(30) == 0
            assert "Traceback" not in terminal.said


def test_a_port_that_is_taken_is_said_in_a_sentence(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = command(folder, "--role", "logic", "--port", str(port), METRICS_PORT="0")
    assert done.returncode == 1
    assert f"cannot listen on {LOOPBACK}, port {port}: another program uses it" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variable", "option", "served"),
    [("db", "logic", "logic"), ("logic", None, "logic"), ("nonsense", "logic", "logic")],
)
def test_the_option_wins_over_the_variable(
    variable: str, option: str | None, served: str, tmp_path: Path, client: httpx2.Client
) -> None:
    port = free_port()
    variables = plain_environment(BOOKMEUP_DATA=str(tmp_path), METRICS_PORT="0", ROLE=variable)
    options = ["--port", str(port), *(["--role", option] if option else [])]
    with Terminal(tmp_path / "log", variables, *options) as terminal:
        terminal.ready_at(port)
        assert client.get(f"http://{LOOPBACK}:{port}/livez").json()["role"] == served


def test_an_unknown_role_is_refused(tmp_path: Path) -> None:
    by_option = command(tmp_path, "--role", "frontend")
    by_variable = command(tmp_path, ROLE="frontend")
    assert (by_option.returncode, by_variable.returncode) == (2, 2)
    assert "frontend" in by_option.stderr
    assert by_variable.stderr.startswith("BookMeUp cannot start as frontend: ROLE is 'frontend', not one of auth,")


def test_the_document_is_printed(tmp_path: Path) -> None:
    done = command(tmp_path, "openapi")
    assert done.returncode == 0
    assert json.loads(done.stdout)["info"]["title"] == "BookMeUp"
    assert list(tmp_path.iterdir()) == [], "a document needs no data"
