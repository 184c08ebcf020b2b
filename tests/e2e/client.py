"""A client at the edge, as somebody's browser or script is: one request, one answer."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPSConnection
from socket import create_connection
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Client:
    """`base` is an address, or where there is no Ingress one per public service, found by the path."""

    bases: Mapping[str, str]
    host: str | None = None
    token: str | None = None
    context: ssl.SSLContext | None = field(default=None, repr=False)

    def base(self, path: str) -> str:
        to_auth = path.startswith(("/auth", "/.well-known/oauth-authorization-server/auth"))
        return self.bases["auth" if to_auth else "logic"]

    def as_user(self, token: str) -> "Client":
        return replace(self, token=token)

    def headers(self) -> dict[str, str]:
        named = {"Host": self.host} if self.host else {}
        return named | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    def connection(self, path: str) -> HTTPConnection:
        address = urlsplit(self.base(path))
        if address.scheme == "https":
            # The name that is asked for and checked is the host's, wherever it is reached.
            return NamedConnection(self.host or "", address.hostname or "", address.port or 443, self.context)
        return HTTPConnection(address.hostname or "", address.port or 80, timeout=10)

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = self.connection(path)
        try:
            sent = {**self.headers(), "Content-Type": "application/json", **(headers or {})}
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read().decode())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def expect(
        self, status: int, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        answer = self.call(method, path, body, headers)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.text[:500]}"
        return answer.json

    def register(self, name: str, email: str, password: str) -> None:
        self.expect(201, "POST", "/auth/register", {"name": name, "email": email, "password": password})

    def log_in(self, email: str, password: str) -> "Client":
        answer = self.expect(200, "POST", "/auth/login", {"email": email, "password": password})
        return self.as_user(answer["access_token"])


class NamedConnection(HTTPSConnection):
    """TLS to one address under another's name."""

    def __init__(self, name: str, address: str, port: int, context: ssl.SSLContext | None) -> None:
        super().__init__(name, port, timeout=10, context=context)
        self._create_connection = lambda _, *rest, **more: create_connection((address, port), *rest, **more)
