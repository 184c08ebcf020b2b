"""The keys that sign users' tokens: made here, sealed under JWT_SECRET_KEY, kept by db, published by every replica.

A key is published first and signs when every cache must have seen it. A process signs with the newest key that it can
open and that is so old; if it can open none it makes one. So a changed secret logs nobody out.
"""

import asyncio
import hashlib
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
import structlog
from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey

from bookmeup.clients.db import Db, decoded
from bookmeup.errors import Refusal, Unavailable
from bookmeup.schemas.users import NewSigningKey, SigningKey
from bookmeup.web.tokens import ACCESS, Class

SEEN_SECONDS = 5.0
FRESH_SECONDS = 2.0
PUBLISHED_SECONDS = 3600.0
LIFE_SECONDS = 30 * 86400.0
log = structlog.get_logger()


class Held(NamedTuple):
    """A key as this process holds it; `born` by its own monotonic clock, `private` if it can open it."""

    kid: str
    public: ECKey
    private: ECKey | None
    born: float
    replaced_for: float | None


class KeyRing:
    """All published keys, as db had them at most two seconds ago."""

    def __init__(self, db: Db, secret: str) -> None:
        self._db = db
        self._seal = OctKey.import_key(hashlib.sha256(b"bookmeup signing keys:" + secret.encode()).digest())
        self._held: tuple[Held, ...] = ()
        self._opened: dict[str, ECKey | None] = {}
        self._fetched = float("-inf")
        self._fetching = asyncio.Lock()

    @property
    def ready(self) -> bool:
        return self._signer() is not None

    async def watch(self) -> None:
        """Keep the ring fresh for ever, and see to it that there is a key to sign with."""
        while True:
            try:
                await self._refresh(time.monotonic())
                if self._needs_new():
                    await self._make()
            except Refusal as error:
                log.warning("signing keys wait for db", reason=error.code)
            await asyncio.sleep(FRESH_SECONDS if self.ready else 0.3)

    async def keys(self, kid: str) -> Mapping[str, ECKey]:
        """Return the verification keys by `kid`; one that is not known yet is asked for."""
        now = time.monotonic()
        if now - self._fetched > FRESH_SECONDS or all(held.kid != kid for held in self._held):
            await self._refresh(now if now - self._fetched > FRESH_SECONDS else now - 1.0)
        return {held.kid: held.public for held in self._held}

    async def jwks(self) -> dict[str, list[dict[str, object]]]:
        """Return the JWK Set (RFC 7517) of the keys whose tokens may still live."""
        await self.keys("")
        live = (held for held in self._held if held.replaced_for is None or held.replaced_for < PUBLISHED_SECONDS)
        return {
            "keys": [
                {**held.public.as_dict(private=False), "kid": held.kid, "use": "sig", "alg": "ES256"} for held in live
            ]
        }

    def sign(self, of: Class, claims: dict[str, object]) -> str:
        held = self._signer()
        if held is None or held.private is None:
            raise Unavailable("No key may sign yet. Try again in a moment.", retry_after=2)
        return jwt.encode({"alg": of.alg, "typ": of.typ, "kid": held.kid}, claims, held.private)

    def _signer(self) -> Held | None:
        """Return the newest key that can be opened and that every cache has seen; a lone one needs no wait."""
        now, lone = time.monotonic(), len(self._held) == 1
        return next((key for key in self._usable() if lone or now - key.born >= SEEN_SECONDS), None)

    def _usable(self) -> Iterator[Held]:
        """Yield, newest first, the keys that can be opened and stay published for as long as a token lives."""
        last = PUBLISHED_SECONDS - ACCESS.life - 60
        return (k for k in self._held if k.private is not None and (k.replaced_for is None or k.replaced_for < last))

    def _needs_new(self) -> bool:
        newest = next(self._usable(), None)
        return newest is None or time.monotonic() - newest.born > LIFE_SECONDS

    async def _refresh(self, asked: float) -> None:
        async with self._fetching:
            if self._fetched >= asked:
                return
            try:
                reply = await self._db.by_itself().get("/signing-keys")
            except Refusal:
                if not self._held:
                    raise
                log.warning("signing keys could not be refreshed")
            else:
                self._take(decoded(reply, list[SigningKey]))
            self._fetched = time.monotonic()

    async def _make(self) -> None:
        key = ECKey.generate_key("P-256")
        kid = uuid.uuid4().hex
        public = {name: str(value) for name, value in key.as_dict(private=False).items()}
        plain = msgspec.json.encode(key.as_dict(private=True))
        sealed = jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, plain, self._seal)
        wanted = NewSigningKey(kid, public, sealed, [held.kid for held in self._held])
        reply = await self._db.by_itself().post("/signing-keys", wanted)
        self._take(decoded(reply, list[SigningKey]))
        log.info("signing key published", kid=kid)

    def _take(self, keys: list[SigningKey]) -> None:
        now = time.monotonic()
        self._held = tuple(
            Held(key.kid, ECKey.import_key(dict(key.public_jwk)), self._open(key), now - key.age, key.replaced_for)
            for key in keys
        )

    def _open(self, key: SigningKey) -> ECKey | None:
        """Return the private key, None if it was sealed under another secret."""
        if key.kid not in self._opened:
            try:
                plain = jwe.decrypt_compact(key.sealed, self._seal).plaintext
                self._opened[key.kid] = ECKey.import_key(msgspec.json.decode(plain or b""))
            except (JoseError, ValueError, msgspec.MsgspecError):
                self._opened[key.kid] = None
        return self._opened[key.kid]
