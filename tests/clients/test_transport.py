"""Answers of others are no answers: a proxy's, or a stranger's at an address that was ours until a moment ago."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence

import pytest

from bookmeup.clients.transport import Http, Reply, Unreachable

ASKED = {"x-request-id": "this-one"}
TRIES = 5


@contextlib.asynccontextmanager
async def answering(*headers: str, wait: float = 0) -> AsyncIterator[tuple[str, set[asyncio.StreamWriter]]]:
    """A server that answers all with `[]` and these headers; give its URL and the connections it was asked over."""
    connections: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                connections.add(writer)
                await asyncio.sleep(wait)
                head = "\r\n".join(["HTTP/1.1 200 OK", "Content-Length: 2", *headers])
                writer.write(f"{head}\r\n\r\n[]".encode())
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", connections
    finally:
        server.close()


async def one(transport: Http, asked: dict[str, str]) -> Reply | Unreachable:
    try:
        return await transport.request("GET", "/services", "", asked, b"", 5.0)
    except Unreachable as error:
        return error


async def reached(transport: Http, asked: dict[str, str]) -> Reply | Unreachable:
    """As `one`, again where a machine that stood still has let the time to connect pass: nothing was sent."""
    for _ in range(TRIES):
        result = await one(transport, asked)
        if isinstance(result, Reply) or result.sent:
            break
    return result


def ask(headers: Sequence[str], asked: dict[str, str], times: int = 1) -> tuple[list[Reply | Unreachable], int]:
    """Return what became of each request, one after the other, and over how many connections they went."""

    async def main() -> tuple[list[Reply | Unreachable], int]:
        async with answering(*headers) as (url, connections):
            transport = Http(url, 2)
            results = [await reached(transport, asked) for _ in range(times)]
            await transport.close()
            return results, len(connections)

    return asyncio.run(main())


@pytest.mark.parametrize("asked", [ASKED, {}])
def test_an_answer_with_our_request_id_is_ours_and_its_connection_is_kept(asked: dict[str, str]) -> None:
    results, connections = ask(["X-Request-ID: this-one"], asked, times=3)
    assert [reply.status for reply in results if isinstance(reply, Reply)] == [200] * 3
    assert connections == 1


@pytest.mark.parametrize(("headers", "asked"), [([], ASKED), ([], {}), (["X-Request-ID: another"], ASKED)])
def test_an_answer_without_it_is_none_and_its_connection_is_left(headers: list[str], asked: dict[str, str]) -> None:
    results, connections = ask(headers, asked, times=3)
    assert [type(result) for result in results] == [Unreachable] * 3
    assert connections == 3, "a stranger is not asked again over the same connection"


def test_a_connection_that_the_other_side_ends_with_its_answer_is_not_used_again() -> None:
    results, connections = ask(["X-Request-ID: this-one", "Connection: close"], ASKED, times=3)
    assert [reply.status for reply in results if isinstance(reply, Reply)] == [200] * 3
    assert connections == 3


def test_who_waits_for_a_connection_when_a_stranger_is_left_is_not_cancelled() -> None:
    async def main() -> list[Reply | Unreachable]:
        async with answering(wait=0.05) as (url, _):
            transport = Http(url, 2)
            return await asyncio.gather(*(one(transport, ASKED) for _ in range(6)))

    assert [type(result) for result in asyncio.run(main())] == [Unreachable] * 6


def test_nobody_waits_his_turn_to_learn_that_nobody_is_there() -> None:
    """Two at a time, each of which waits for the connection as long as it may: the last would wait for minutes."""

    async def main(url: str) -> list[bool]:
        transport = Http(url, 2)
        results = await asyncio.gather(*(one(transport, ASKED) for _ in range(100)))
        await transport.close()
        return [result.sent for result in results if isinstance(result, Unreachable)]

    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, contextlib.ExitStack() as full:
        for _ in range(2):  # it accepts nobody, and no more than these fit before it
            caller = full.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(deaf.getsockname())
        assert asyncio.run(main(f"http://127.0.0.1:{deaf.getsockname()[1]}")) == [False] * 100


def test_who_waits_is_not_sent_away_while_others_get_through() -> None:
    async def main() -> list[type]:
        async with answering("X-Request-ID: this-one", wait=0.1) as (url, _):
            transport = Http(url, 2)
            asking = [asyncio.create_task(one(transport, ASKED)) for _ in range(6)]
            await asyncio.sleep(0.15)
            transport._send_away()  # noqa: SLF001 - what a connection does that fails beside them
            return [type(reply) for reply in await asyncio.gather(*asking)]

    assert asyncio.run(main()) == [Reply] * 6


def test_a_request_that_is_given_up_while_it_waits_ends() -> None:
    async def main() -> None:
        async with answering("X-Request-ID: this-one", wait=5) as (url, _):
            transport = Http(url, 1)
            asking = [asyncio.create_task(transport.request("GET", "/", "", ASKED, b"", 5)) for _ in range(2)]
            await asyncio.sleep(0.1)
            for task in asking:
                task.cancel()
            ended = await asyncio.gather(*asking, return_exceptions=True)
            assert [type(error) for error in ended] == [asyncio.CancelledError] * 2
            await transport.close()

    asyncio.run(main())
