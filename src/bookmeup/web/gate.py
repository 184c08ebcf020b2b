"""What connections may take, who is let in, and the answers to requests that never reach the application."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address, ip_network

import msgspec
from prometheus_client import Counter
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from bookmeup.errors import Malformed
from bookmeup.schemas.answers import Problem

REFUSED = Counter("bookmeup_connections_refused", "Connections ended by a limit of the edge.", ["reason"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one connection may take: times in seconds, sizes in bytes."""

    first_byte: float = 5.0
    head: float = 5.0
    head_bytes: int = 32 * 1024
    headers: int = 100
    authorization_bytes: int = 8 * 1024
    body: float = 8.0
    body_rate: float = 1024.0  # bytes a second on average ...
    body_grace: float = 2.0  # ... once this time has passed: a lost packet alone can cost a second
    write: float = 8.0
    idle: float = 120.0
    linger: float = 2.0  # a refused client's bytes are read and dropped this long, or it would not see the answer
    connections: int = 50  # per address, trusted proxies excepted


@dataclass(frozen=True, slots=True)
class LastWord:
    """A problem document that ends a connection."""

    status: int
    title: str
    code: str
    error: str

    def answer(self) -> bytes:
        """Write the whole HTTP answer."""
        body = msgspec.json.encode(Problem(self.title, self.status, self.code, self.error, self.error))
        head = b"content-type: application/problem+json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        return STATUS_LINE[self.status] + head % len(body) + body


MALFORMED = LastWord(Malformed.status, Malformed.title, Malformed.code, "This is not an HTTP/1.1 request.")
TOO_SLOW = LastWord(408, "Too slow", "too_slow", "The request took too long to arrive.")
TOO_LARGE = LastWord(431, "Headers too large", "headers_too_large", "The request's headers are too large.")


@dataclass(slots=True)
class Gate:
    """What the connections of one listener share."""

    limits: Limits
    trusts: Callable[[str], bool]
    open: dict[str, int] = field(default_factory=dict)
    closing: bool = False  # every answer from now on carries Connection: close

    def admit(self, address: str) -> bool:
        """Count a new connection of an address, unless it has its share already."""
        count = self.open.get(address, 0)
        if count >= self.limits.connections and not self.trusts(address):
            return False
        self.open[address] = count + 1
        return True

    def release(self, address: str) -> None:
        """Take an ended connection from the count."""
        left = self.open[address] - 1
        if left:
            self.open[address] = left
        else:
            del self.open[address]


def trust(networks: Iterable[str]) -> Callable[[str], bool]:
    """Make the question whether an address belongs to a trusted proxy; `*` trusts everybody."""
    listed = tuple(networks)
    known = tuple(ip_network(network, strict=False) for network in listed if network != "*")

    @lru_cache(maxsize=1024)
    def trusts(address: str) -> bool:
        if "*" in listed:
            return True
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in known)

    return trusts
