"""Answers of others are no answers: a proxy's, or a stranger's at an address that was ours until a moment ago."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import pytest

from bookmeup.clients.transport import Http, Reply, Unreachable

ASKED = {"x-request-id": "this-one"}


@contextlib.asynccontextmanager
async def answering(*headers: str) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that answers everything with `[]` and these headers; give its URL and a list of its connections."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(len(connections))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                head = "\r\n".join(["HTTP/1.1 200 OK", "Content-Length: 2", *headers])
                writer.write(f"{head}\r\n\r\n[]".encode())
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", connections
    finally:
        server.close()


def ask(headers: Sequence[str], asked: dict[str, str], times: int = 1) -> tuple[list[Reply | Unreachable], int]:
    """Return what became of each request, and over how many connections they went."""

    async def main() -> tuple[list[Reply | Unreachable], int]:
        async with answering(*headers) as (url, connections):
            transport, results = Http(url, 2), list[Reply | Unreachable]()
            for _ in range(times):
                try:
                    results.append(await transport.request("GET", "/services", "", asked, b"", 5.0))
                except Unreachable as error:
                    results.append(error)
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
