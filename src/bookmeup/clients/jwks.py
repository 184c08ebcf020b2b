"""auth's public keys (RFC 7517), kept for a few seconds; an unknown `kid` asks again, but rarely."""

import asyncio
import time
from collections.abc import Mapping

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from bookmeup.clients.transport import Transport, Unreachable
from bookmeup.errors import Unavailable

PATH = "/auth/.well-known/jwks.json"
FRESH_SECONDS = 2.5
"""With auth's own two seconds less than the five after which a new key signs."""
UNKNOWN_SECONDS = 10.0
FETCH_SECONDS = 1.0


class Jwks:
    """Verification keys by `kid`. While auth is away the known ones go on."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._keys: Mapping[str, ECKey] = {}
        self._body = b""
        self._fetched = self._asked_for_unknown = float("-inf")
        self._fetching = asyncio.Lock()

    async def keys(self, kid: str) -> Mapping[str, ECKey]:
        """Return the keys, fetched again when they are old or this one is not among them."""
        now = time.monotonic()
        if now - self._fetched > FRESH_SECONDS:
            await self._fetch(now)
        elif kid not in self._keys and now - self._asked_for_unknown > UNKNOWN_SECONDS:
            self._asked_for_unknown = now
            await self._fetch(now)
        return self._keys

    async def _fetch(self, asked: float) -> None:
        async with self._fetching:
            if self._fetched >= asked:  # somebody did so while this one waited
                return
            try:
                reply = await self._transport.request("GET", PATH, "", {}, b"", FETCH_SECONDS)
                if reply.body != self._body:  # the same keys stay the same objects: what they verified is remembered
                    self._keys, self._body = _parsed(reply.body), reply.body
            except (Unreachable, TimeoutError, JoseError, msgspec.MsgspecError, KeyError, TypeError) as error:
                if not self._keys:
                    raise Unavailable from error
            self._fetched = time.monotonic()

    async def close(self) -> None:
        await self._transport.close()


def _parsed(body: bytes) -> dict[str, ECKey]:
    found = msgspec.json.decode(body)["keys"]
    return {jwk["kid"]: ECKey.import_key(jwk) for jwk in found}
