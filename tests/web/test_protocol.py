"""The edge of a process against clients that are silent, slow, greedy or many: real sockets, real uvicorn, uvloop."""

import asyncio
import json
import resource
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from bookmeup.web.gate import Gate, Limits, trust
from bookmeup.web.server import Draining, Server, bind, configured

pytestmark = pytest.mark.anyio
QUICK = Limits(
    first_byte=0.3, head=0.3, body=0.8, body_grace=0.2, body_rate=1000, write=0.3, idle=0.5, linger=1.0, connections=5
)
PATIENCE = 5.0
BIG = b"x" * 20_000_000


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@dataclass
class Served:
    port: int
    gate: Gate
    server: Server
    gone: list[str]
    interrupting: list[socket.socket]


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


async def slowly(_: Request) -> Response:
    await asyncio.sleep(0.5)
    return PlainTextResponse("slowly")


async def big(_: Request) -> Response:
    return Response(BIG)


async def in_two(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        await asyncio.sleep(0.5)
        yield b"late"

    return StreamingResponse(pieces())


async def early(_: Request) -> Response:
    return PlainTextResponse("not reading that", 413)


async def show_headers(request: Request) -> Response:
    await request.body()
    return PlainTextResponse(repr(request.scope["headers"]))


@asynccontextmanager
async def served(limits: Limits = QUICK, trusted: Sequence[str] = ()) -> AsyncIterator[Served]:
    gone: list[str] = []
    interrupting: list[socket.socket] = []

    async def interrupted(_: Request) -> Response:
        interrupting.pop().send(b"\x00nonsense\r\n\r\n")  # there before the answer has gone out
        return PlainTextResponse("hello")

    async def count_body(request: Request) -> Response:
        try:
            return PlainTextResponse(str(len(await request.body())))
        except ClientDisconnect:
            gone.append(request.url.path)
            raise

    routes = [
        Route("/", hello),
        Route("/slowly", slowly),
        Route("/big", big),
        Route("/in-two", in_two),
        Route("/interrupted", interrupted),
        Route("/early", early, methods=["POST"]),
        Route("/body", count_body, methods=["POST"]),
        Route("/headers", show_headers, methods=["GET", "POST"]),
    ]
    gate = Gate(limits, trust(trusted))
    server = Server(
        configured(Starlette(routes=routes), gate, trusted, drain=3, lifespan="off"), gate, Draining(), notice=0
    )
    sockets = bind("127.0.0.1", 0)
    ready = asyncio.Event()
    server.on_started = ready.set
    task = asyncio.create_task(server.serve(sockets))
    await asyncio.wait_for(ready.wait(), PATIENCE)
    try:
        yield Served(sockets[0].getsockname()[1], gate, server, gone, interrupting)
    finally:
        task.cancel()  # an orderly stop takes uvicorn 0.2 s; test_server.py has that
        for listening in server.servers:
            listening.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(port: int, first: bytes = b"") -> Stream:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    return reader, writer


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All that the server says until it closes."""
    try:
        return await asyncio.wait_for(reader.read(-1), PATIENCE)
    except ConnectionResetError:
        return b""


async def exchange(port: int, sent: bytes) -> bytes:
    reader, writer = await connect(port, sent)
    try:
        return await rest(reader)
    finally:
        writer.close()


def problem(answer: bytes) -> dict[str, Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    found: dict[str, Any] = json.loads(body)
    assert set(found) >= {"title", "status", "code", "error"}
    assert head.startswith(b"HTTP/1.1 %d " % found["status"])
    return found


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.01)


async def drip(writer: asyncio.StreamWriter, piece: bytes, every: float) -> None:
    try:
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every)
    except ConnectionError:
        return


async def test_an_ordinary_request_is_answered_and_its_connection_kept() -> None:
    async with served() as it:
        reader, writer = await connect(it.port)
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 OK")
        writer.close()


def pieces_received(client: socket.socket) -> int:
    """Return how many segments with data have come: `tcpi_data_segs_in` of Linux's struct tcp_info."""
    found: int = struct.unpack_from("I", client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), 152)[0]
    return found


def pieces_of_answers(port: int, times: int) -> int:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        for _ in range(times):
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = b""
            while not answer.endswith(b"hello"):
                answer += client.recv(65536)
        return pieces_received(client)


@pytest.mark.skipif(sys.platform != "linux", reason="counts what Linux counts")
async def test_head_and_body_of_an_answer_come_in_one_piece() -> None:
    async with served() as it:
        assert await asyncio.to_thread(pieces_of_answers, it.port, 20) == 20


async def test_a_head_does_not_wait_for_a_body_that_comes_later() -> None:
    async with served() as it:
        began = time.monotonic()
        reader, writer = await connect(it.port, b"GET /in-two HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
        assert time.monotonic() - began < 0.4
        assert b"late" in await reader.readuntil(b"0\r\n\r\n")
        writer.close()


async def test_answers_without_a_body_and_those_that_follow_them_come_whole_and_in_order() -> None:
    async with served() as it:
        both = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        first, _, second = (await exchange(it.port, both)).partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200 OK")
    assert second.startswith(b"HTTP/1.1 200 OK")
    assert second.endswith(b"\r\n\r\nhello")


def all_from(client: socket.socket) -> bytes:
    said = b""
    while piece := client.recv(65536):
        said += piece
    return said


async def test_what_follows_does_not_overtake_an_answer_without_a_body() -> None:
    async with served() as it:
        with socket.create_connection(("127.0.0.1", it.port), PATIENCE) as client:
            it.interrupting.append(client)
            client.sendall(b"HEAD /interrupted HTTP/1.1\r\nHost: a\r\n\r\n")
            first, _, second = (await asyncio.to_thread(all_from, client)).partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200 OK")
    assert second.startswith(b"HTTP/1.1 400 ")


async def test_a_silent_socket_is_closed_without_a_word() -> None:
    async with served() as it:
        began = time.monotonic()
        assert await exchange(it.port, b"") == b""
        assert 0.25 < time.monotonic() - began < 1.5


async def test_empty_lines_do_not_keep_a_socket_open() -> None:
    async with served() as it:
        reader, writer = await connect(it.port)
        dripping = asyncio.create_task(drip(writer, b"\r\n", 0.05))
        began = time.monotonic()
        assert await rest(reader) == b""
        assert time.monotonic() - began < 1.5
        dripping.cancel()


async def test_a_header_line_at_a_time_is_408() -> None:
    async with served() as it:
        reader, writer = await connect(it.port, b"GET / HTTP/1.1\r\n")
        dripping = asyncio.create_task(drip(writer, b"X-A: b\r\n", 0.05))
        began = time.monotonic()
        answer = await reader.readuntil(b"}")
        assert problem(answer)["code"] == "too_slow"
        assert time.monotonic() - began < 1.5
        dripping.cancel()


async def test_a_second_head_that_stays_unfinished_ends_the_connection() -> None:
    async with served() as it:
        answer = await exchange(it.port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n")
        first, _, second = answer.partition(b"hello")
        assert first.startswith(b"HTTP/1.1 200")
        assert problem(second)["status"] == 408


async def test_a_late_second_head_never_cuts_into_the_first_answer() -> None:
    async with served() as it:
        answer = await exchange(it.port, b"GET /slowly HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"slowly")
        assert answer.count(b"HTTP/1.1") == 1


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    async with served() as it:
        reader, writer = await connect(it.port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"hello")
        began = time.monotonic()
        assert await rest(reader) == b""
        assert 0.4 < time.monotonic() - began < 2
        writer.close()


async def test_5000_headers_are_431_at_once() -> None:
    async with served() as it:
        flood = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(5000)) + b"\r\n"
        began = time.monotonic()
        reader, writer = await connect(it.port, flood)
        assert problem(await reader.readuntil(b"}"))["code"] == "headers_too_large"
        assert time.monotonic() - began < 0.5
        writer.close()


@pytest.mark.parametrize(("count", "status"), [(99, b"200"), (101, b"431")])
async def test_a_hundred_headers_pass_and_no_more(count: int, status: bytes) -> None:
    async with served() as it:
        lines = b"".join(b"X-%d: a\r\n" % n for n in range(count))
        answer = await exchange(it.port, b"GET / HTTP/1.1\r\nConnection: close\r\n" + lines + b"\r\n")
        assert answer.split(b" ")[1] == status


@pytest.mark.parametrize(("size", "status"), [(30_000, b"200"), (33_000, b"431")])
async def test_32_kb_of_headers_pass_and_no_more(size: int, status: bytes) -> None:
    async with served() as it:
        head = b"GET / HTTP/1.1\r\nConnection: close\r\nX: " + b"a" * size + b"\r\n\r\n"
        assert (await exchange(it.port, head)).split(b" ")[1] == status


async def test_a_long_target_counts_as_head() -> None:
    async with served() as it:
        assert problem(await exchange(it.port, b"GET /?" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n"))["status"] == 431


@pytest.mark.parametrize(("size", "status"), [(8_192, b"200"), (8_193, b"431")])
async def test_authorization_has_8_kb(size: int, status: bytes) -> None:
    async with served() as it:
        head = b"GET / HTTP/1.1\r\nConnection: close\r\nAuthorization: " + b"a" * size + b"\r\n\r\n"
        assert (await exchange(it.port, head)).split(b" ")[1] == status


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nX: ", b"GET /", b"GET / HTTP/1.1\r\n" + b"x" * 10])
async def test_50_mb_of_head_are_431_in_flat_memory(start: bytes) -> None:
    async with served() as it:
        chunk = b"a" * 500_000
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        reader, writer = await connect(it.port, start)
        try:
            for _ in range(100):
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            pass
        assert b" 431 " in await asyncio.wait_for(reader.readline(), PATIENCE)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 10_000, f"{grown} KB"  # this process is the client too
        writer.close()


@pytest.mark.parametrize("flood", [b"X: " + b"a" * 5_000_000, b"".join(b"X-%d: a\r\n" % n for n in range(50_000))])
async def test_trailers_are_bounded_like_headers(flood: bytes) -> None:
    async with served() as it:
        start = b"POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
        reader, writer = await connect(it.port, start + flood)
        assert b" 431 " in await asyncio.wait_for(reader.readline(), PATIENCE)
        writer.close()


async def test_a_trailer_never_becomes_a_header() -> None:
    async with served() as it:
        start = b"POST /headers HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = await exchange(it.port, start + b"5\r\nhello\r\n0\r\nAuthorization: Bearer forged\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"forged" not in answer


async def test_a_body_that_stops_is_408_and_the_application_hears_of_it() -> None:
    async with served() as it:
        began = time.monotonic()
        reader, writer = await connect(it.port, b"POST /body HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + b"a" * 10)
        assert problem(await rest(reader))["code"] == "too_slow"
        assert time.monotonic() - began < 1.5
        await asyncio.sleep(0.1)
        assert it.gone == ["/body"]  # while the client still holds its end
        writer.close()


async def test_a_body_slower_than_its_rate_is_408() -> None:
    async with served() as it:
        reader, writer = await connect(it.port, b"POST /body HTTP/1.1\r\nContent-Length: 5000\r\n\r\n")
        dripping = asyncio.create_task(drip(writer, b"a", 0.02))
        began = time.monotonic()
        assert problem(await reader.readuntil(b"}"))["status"] == 408
        assert time.monotonic() - began < 0.7
        dripping.cancel()


async def test_a_body_in_tiny_chunks_is_408() -> None:
    async with served() as it:
        reader, writer = await connect(it.port, b"POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        dripping = asyncio.create_task(drip(writer, b"1;" + b"e" * 50 + b"\r\na\r\n", 0.02))
        assert problem(await reader.readuntil(b"}"))["status"] == 408
        dripping.cancel()


async def test_a_body_at_a_good_rate_still_has_an_end() -> None:
    async with served() as it:
        reader, writer = await connect(it.port, b"POST /body HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n")
        dripping = asyncio.create_task(drip(writer, b"a" * 1000, 0.02))
        began = time.monotonic()
        assert problem(await reader.readuntil(b"}"))["status"] == 408
        assert 0.7 < time.monotonic() - began < 2.5
        dripping.cancel()


async def test_a_body_in_pieces_within_the_limits_is_read_whole() -> None:
    async with served() as it:
        reader, writer = await connect(it.port, b"POST /body HTTP/1.1\r\nContent-Length: 3000\r\n\r\n")
        for _ in range(3):
            await asyncio.sleep(0.1)
            writer.write(b"a" * 1000)
        assert (await reader.readuntil(b"\r\n\r\n3000")).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_the_rest_of_a_body_that_was_answered_early_has_its_time_too() -> None:
    async with served() as it:
        reader, writer = await connect(it.port, b"POST /early HTTP/1.1\r\nContent-Length: 500000\r\n\r\n")
        await reader.readuntil(b"reading that")
        dripping = asyncio.create_task(drip(writer, b"a", 0.05))
        assert await rest(reader) == b""
        dripping.cancel()


async def test_a_reader_that_stalls_is_dropped() -> None:
    async with served() as it:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", it.port))
            client.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
            await until(lambda: it.server.server_state.connections)
            await until(lambda: not it.server.server_state.connections)
            await until(lambda: not it.server.server_state.tasks)
            assert not it.gate.open


async def test_a_closed_connection_with_a_stalled_reader_ends() -> None:
    async with served() as it:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", it.port))
            await until(lambda: it.server.server_state.connections)
            for connection in it.server.server_state.connections:
                # So that the whole answer waits in a buffer and nothing but the closing is left to notice it.
                connection.transport.set_write_buffer_limits(high=10 * len(BIG))
            client.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            await until(lambda: not it.server.server_state.connections)


async def test_a_slow_reader_that_makes_progress_gets_everything() -> None:
    async with served() as it:
        reader, writer = await connect(it.port, b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        read = 0
        while piece := await reader.read(1_000_000):
            read += len(piece)
            await asyncio.sleep(0.02)
        assert read == len(BIG)
        writer.close()


async def test_the_connection_after_the_last_allowed_of_an_address_is_closed() -> None:
    async with served() as it:
        held = []
        for _ in range(5):
            reader, writer = await connect(it.port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await reader.readuntil(b"hello")
            held.append(writer)
        assert await exchange(it.port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") == b""
        held.pop().close()
        await until(lambda: it.gate.open["127.0.0.1"] == 4)
        assert b"hello" in await exchange(it.port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        for writer in held:
            writer.close()


async def test_50_connections_is_the_default() -> None:
    gate = Gate(Limits(), trust([]))
    assert [gate.admit("192.0.2.1") for _ in range(51)] == [True] * 50 + [False]
    assert gate.admit("192.0.2.2")


@pytest.mark.parametrize("trusted", ["127.0.0.0/8", "127.0.0.1", "*"])
async def test_a_trusted_proxy_has_as_many_connections_as_it_likes(trusted: str) -> None:
    async with served(trusted=[trusted]) as it:
        held = []
        for _ in range(12):
            reader, writer = await connect(it.port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await reader.readuntil(b"hello")
            held.append(writer)
        for writer in held:
            writer.close()


@pytest.mark.parametrize(
    "rubbish", [b"\x16\x03\x01\x02\x00\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nA b: c\r\n\r\n"]
)
async def test_what_is_not_http_is_400(rubbish: bytes) -> None:
    async with served() as it:
        assert problem(await exchange(it.port, rubbish))["code"] == "malformed"


async def test_an_upgrade_is_declined_by_an_ordinary_answer() -> None:
    async with served() as it:
        answer = await exchange(it.port, b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"hello")


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with served() as it:
        one, two = (b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path for path in (b"/slowly", b"/"))
        answer = await exchange(it.port, one + two)
        assert answer.index(b"slowly") < answer.index(b"hello")


async def test_the_application_is_not_asked_twice_by_a_refused_client() -> None:
    async with served() as it:
        flood = b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 101 + b"\r\n"
        answer = await exchange(it.port, flood + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer.count(b"HTTP/1.1") == 1


async def test_no_connection_is_forgotten_in_the_count() -> None:
    async with served() as it:
        calls: list[Awaitable[bytes]] = [
            exchange(it.port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
            exchange(it.port, b"rubbish\r\n\r\n"),
            exchange(it.port, b""),
        ]
        await asyncio.gather(*calls)
        await until(lambda: not it.gate.open)
