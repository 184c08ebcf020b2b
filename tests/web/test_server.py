"""Starting and stopping: signals, drain, a used port, metrics; each server is a process of its own."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import bookmeup

PATIENCE = 8.0
PROGRAM = """
import asyncio, contextlib, sys
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from bookmeup.web import server
from bookmeup.web.gate import Limits
from bookmeup.web.logs import configure
from bookmeup.web.traffic import Traffic

port, metrics_port, options = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
draining = server.Draining()
draining.on_begin(lambda: print("draining", flush=True))

async def readyz(request):
    return PlainTextResponse("draining" if draining.begun else "ready", 503 if draining.begun else 200)

async def slowly(request):
    print("in flight", flush=True)
    await asyncio.sleep(float(request.query_params["seconds"]))
    return PlainTextResponse("finished")

async def body(request):
    print("in flight", flush=True)
    return PlainTextResponse(str(len(await request.body())))

@contextlib.asynccontextmanager
async def lifespan(app):
    if "fail" in options:
        raise RuntimeError("hunter2")
    yield
    print("cleaned up", flush=True)

configure("logic", human="human" in options)
app = Starlette(
    routes=[Route("/readyz", readyz), Route("/slowly", slowly), Route("/body", body, methods=["POST"])],
    middleware=[Middleware(Traffic, role="logic")],
    lifespan=lifespan,
)
sys.exit(server.run(
    app, host="127.0.0.1", port=port, metrics_port=metrics_port, draining=draining,
    on_ready=lambda port: print("ready", port, flush=True),
    limits=Limits(body=1.0, body_grace=0.5), notice=1.0 if "notice" in options else 0.2, drain=3,
))
"""


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    port: int = 0
    seen: bytes = field(default=b"")

    def wait_for(self, word: bytes) -> bytes:
        """Read standard output until a line has the word; give that line."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + PATIENCE
        while word not in self.seen:
            ready, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert piece, f"{word!r} was never said: {self.seen!r}"
            self.seen += piece
        return next(line for line in self.seen.splitlines() if word in line)

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; give exit code, standard output and error."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, (self.seen + out).decode(), err.decode()


Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Running] = []

    def start(port: int = 0, metrics_port: int = 0, *options: str, ready: bool = True) -> Running:
        command = [sys.executable, "-c", PROGRAM, str(port), str(metrics_port), *options]
        source = str(Path(bookmeup.__file__).parents[1])
        environment = {"PYTHONPATH": source, "PATH": "/usr/bin:/bin"}
        it = Running(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment))
        started.append(it)
        if ready:
            it.port = int(it.wait_for(b"ready ").split()[1])
        return it

    yield start
    for it in started:
        it.process.kill()
        it.process.communicate()


def connect(port: int, sent: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    client.sendall(sent)
    return client


def get(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: a", *lines, "", ""]).encode()


def rest(client: socket.socket) -> bytes:
    """Give all that is said until the server closes."""
    said = b""
    while piece := client.recv(65536):
        said += piece
    client.close()
    return said


def until_ready(client: socket.socket) -> bytes:
    """Give the answer of a ready `/readyz` on a connection that stays open."""
    said = b""
    while not said.endswith(b"\r\n\r\nready"):
        piece = client.recv(65536)
        assert piece, said
        said += piece
    return said


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_stops_at_once_and_exits_with_0(start: Start, number: int) -> None:
    it = start()
    began = time.monotonic()
    it.process.send_signal(number)
    code, out, err = it.end()
    assert (code, err) == (0, "")
    assert "cleaned up" in out
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(("seconds", "options"), [(1, []), (0.5, ["notice"])])
def test_a_request_in_flight_is_finished_and_its_answer_is_the_last(
    start: Start, seconds: float, options: list[str]
) -> None:
    it = start(0, 0, *options)
    client = connect(it.port, get(f"/slowly?seconds={seconds}"))
    it.wait_for(b"in flight")
    it.process.send_signal(signal.SIGTERM)
    answer = rest(client)
    assert answer.endswith(b"finished")
    assert b"connection: close" in answer
    assert it.end()[0] == 0


def test_while_draining_it_is_not_ready_and_each_answer_closes(start: Start) -> None:
    it = start(0, 0, "notice")
    kept = connect(it.port, get("/readyz"))
    assert b"200 OK" in until_ready(kept)
    it.process.send_signal(signal.SIGTERM)
    it.wait_for(b"draining")
    new = connect(it.port, get("/readyz"))
    kept.sendall(get("/readyz"))
    for client in (kept, new):
        answer = rest(client)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"connection: close" in answer
    assert it.end()[0] == 0


def test_after_the_notice_nobody_is_let_in(start: Start) -> None:
    it = start()
    held = connect(it.port, get("/slowly?seconds=2"))
    it.wait_for(b"in flight")
    it.process.send_signal(signal.SIGTERM)
    it.wait_for(b"draining")
    time.sleep(1)
    with pytest.raises(ConnectionRefusedError):
        connect(it.port)
    assert rest(held).endswith(b"finished")
    assert it.end()[0] == 0


def test_a_half_sent_body_does_not_hold_up_the_end(start: Start) -> None:
    it = start()
    client = connect(it.port, b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf")
    it.wait_for(b"in flight")
    began = time.monotonic()
    it.process.send_signal(signal.SIGTERM)
    assert it.end()[0] == 0
    assert time.monotonic() - began < 4
    assert rest(client).startswith(b"HTTP/1.1 408")


def test_a_half_sent_head_and_an_idle_connection_do_not_either(start: Start) -> None:
    it = start()
    clients = [connect(it.port, b"GET / HTTP/1.1\r\n"), connect(it.port), connect(it.port, get("/readyz"))]
    assert b"200 OK" in until_ready(clients[2])
    began = time.monotonic()
    it.process.send_signal(signal.SIGTERM)
    assert it.end()[0] == 0
    assert time.monotonic() - began < 2


def test_a_request_longer_than_the_drain_is_cut_off(start: Start) -> None:
    it = start()
    client = connect(it.port, get("/slowly?seconds=60"))
    it.wait_for(b"in flight")
    it.process.send_signal(signal.SIGTERM)
    code, out, _ = it.end()
    assert code == 0
    assert "cleaned up" in out
    client.close()


def test_a_second_ctrl_c_ends_at_once(start: Start) -> None:
    it = start()
    client = connect(it.port, get("/slowly?seconds=60"))
    it.wait_for(b"in flight")
    it.process.send_signal(signal.SIGINT)
    it.wait_for(b"draining")
    began = time.monotonic()
    it.process.send_signal(signal.SIGINT)
    code, _, err = it.end()
    assert time.monotonic() - began < 1.5
    assert code == 130
    assert "Traceback" not in err
    client.close()


def test_a_second_server_on_a_used_port_says_so_in_one_sentence(start: Start) -> None:
    first = start()
    code, out, err = start(first.port, ready=False).end()
    assert code == 1
    assert err == (
        f"BookMeUp cannot listen on 127.0.0.1, port {first.port}: "
        "another program uses it; stop that one or choose another port.\n"
    )
    assert out == ""


def test_a_used_metrics_port_is_said_as_well(start: Start) -> None:
    first = start()
    code, _, err = start(0, first.port, ready=False).end()
    assert (code, f"port {first.port}" in err, err.count("\n")) == (1, True, 1)


def test_an_application_that_cannot_start_ends_with_1_and_tells_no_values(start: Start) -> None:
    code, out, err = start(0, 0, "fail", ready=False).end()
    assert code == 1
    assert "RuntimeError" in out
    assert "hunter2" not in out + err


def test_metrics_have_a_port_of_their_own(start: Start) -> None:
    metrics_port = free_port()
    it = start(0, metrics_port)
    for number in range(3):
        rest(connect(it.port, get(f"/none/{number}", "Connection: close")))
    told = rest(connect(metrics_port, get("/metrics", "Connection: close"))).decode()
    assert 'bookmeup_http_requests_total{method="GET",role="logic",route="unmatched",status="404"} 3.0' in told
    assert "bookmeup_connections_refused" in told
    assert b" 404 " in rest(connect(it.port, get("/metrics", "Connection: close")))


def test_the_log_is_json_and_tells_where_it_listens(start: Start) -> None:
    it = start()
    rest(connect(it.port, get("/readyz?token=hunter2", "Connection: close")))
    it.process.send_signal(signal.SIGTERM)
    _, out, _ = it.end()
    assert re.search(r'\{"host":"127.0.0.1","port":\d+,"event":"listening"', out)
    assert '"signal":"SIGTERM","event":"stopping"' in out
    assert "hunter2" not in out
    assert "uvicorn" not in out


def test_the_server_does_not_name_itself(start: Start) -> None:
    answer = rest(connect(start().port, get("/readyz", "Connection: close")))
    assert b"\r\nserver:" not in answer.lower()
