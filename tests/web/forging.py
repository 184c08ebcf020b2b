"""Tokens made by hand, as no library would make them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey

from bookmeup.web.tokens import ACCESS, ISSUER, Class

SID = "3f0c9f7e-54b7-4f4e-8c26-6a2f0e9d1b11"
MISSING = type("Missing", (), {"__repr__": lambda _: "missing"})()
Json = Mapping[str, Any]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(value: object) -> str:
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode())


def es256(key: ECKey, header: object, claims: object) -> str:
    """Sign with the key whatever is given: header and claims as JSON, or as bytes that are not."""
    signed = f"{part(header)}.{part(claims)}"
    private = key.private_key
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    r, s = utils.decode_dss_signature(private.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def hs(key: bytes, header: object, claims: object, digest: str = "sha256") -> str:
    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{b64(hmac.new(key, signed.encode(), digest).digest())}"


def unsigned(header: object, claims: object, signature: str = "") -> str:
    return f"{part(header)}.{part(claims)}.{signature}"


def header(kid: object, of: Class = ACCESS, **more: object) -> dict[str, object]:
    return {"alg": of.alg, "typ": of.typ, "kid": kid, **more}


def claims(of: Class = ACCESS, issuer: str = ISSUER, **more: Any) -> dict[str, object]:
    """Return the claims of a token that holds; MISSING takes one away."""
    now = int(time.time())
    whole: dict[str, object] = {
        "iss": issuer, "aud": of.audience, "iat": now, "nbf": now, "exp": now + of.life, "sub": "1", "sid": SID,
        "jti": hashlib.sha256(str(now).encode()).hexdigest(), "name": "Ana", "email": "ana@bookmeup.example",
        "role": "customer",
    }  # fmt: skip
    return {name: value for name, value in (whole | more).items() if value is not MISSING}
