"""Proof that a form comes from a page that was shown to this session (OWASP's "HMAC based token pattern")."""

import hashlib
from collections.abc import Sequence

from itsdangerous import Signer


class Csrf:
    """Makes and checks the hidden field; bound to the session's id, which is not in it."""

    def __init__(self, keys: Sequence[str]) -> None:
        # itsdangerous signs with the last key and accepts all.
        self._signer = Signer(list(reversed(keys)), salt="bookmeup.pages.csrf", digest_method=hashlib.sha256)

    def token(self, sid: str) -> str:
        return self._signer.get_signature(sid).decode()

    def holds(self, sid: str, token: str) -> bool:
        return token.isascii() and self._signer.verify_signature(sid, token)
