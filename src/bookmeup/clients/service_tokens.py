"""Tokens by which a role says to db who calls and for whom: HS256, at most 60 s, signed with the caller's key."""

import hashlib
import time
from collections.abc import Sequence

from joserfc import jwt
from joserfc.jwk import OctKey

LIFE = 60
REUSED = 20
"""Seconds in which calls for the same user bear the same token, which db then has seen before."""
MOST_REUSED = 4096


def key_id(key: str) -> str:
    """Return the `kid` of a service key: it tells keys apart and gives nothing away."""
    return hashlib.sha256(f"kid:{key}".encode()).hexdigest()[:16]


def keys_by_id(keys: Sequence[str]) -> dict[str, OctKey]:
    return {key_id(key): OctKey.import_key(key.encode()) for key in keys}


class ServiceTokens:
    """Issues the tokens of one service; the first of its keys signs."""

    def __init__(self, service: str, keys: Sequence[str]) -> None:
        self._service = service
        self._header = {"alg": "HS256", "typ": "svc+jwt", "kid": key_id(keys[0])}
        self._key = OctKey.import_key(keys[0].encode())
        self._issued: dict[tuple[int | None, str | None], str] = {}
        self._since = 0

    def issue(self, actor: int | None, sid: str | None) -> str:
        now = int(time.time())
        if not self._since <= now < self._since + REUSED or len(self._issued) >= MOST_REUSED:
            self._issued, self._since = {}, now
        if (actor, sid) not in self._issued:
            self._issued[actor, sid] = self._signed(actor, sid, now)
        return self._issued[actor, sid]

    def _signed(self, actor: int | None, sid: str | None, now: int) -> str:
        claims: dict[str, object] = {"iss": self._service, "aud": "db", "iat": now, "nbf": now, "exp": now + LIFE}
        if actor is not None:
            claims |= {"sub": str(actor), "sid": sid}
        return jwt.encode(self._header, claims, self._key)
