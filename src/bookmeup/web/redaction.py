"""Hiding what a log must not hold: secrets, and who somebody is."""

import re
from functools import lru_cache
from typing import Any

from structlog.typing import EventDict

HIDDEN = "[redacted]"
SECRET_WORDS = re.compile(
    "passw|passphrase|token|authorization|secret|credential|e_?mail|phone|cookie|jwt|session|dsn|database_url"
)
SECRET_PARTS = frozenset({"key", "keys", "apikey", "pwd", "pin", "otp", "code_verifier", "signature"})
PUBLIC_KEYS = frozenset({"event", "level", "timestamp", "role", "request_id", "logger", "method", "status", "ms"})
OURS = frozenset({"level", "timestamp"})  # always set by our own processors
LONGEST_READ, LONGEST_WRITTEN, DEEPEST = 16_384, 2_000, 5
BIGGEST_NUMBER = 2**53  # beyond it JSON readers round

# Quantifiers are bounded or begin at a word's start, so that the time is linear in the text.
EMAIL = re.compile(r"[\w.!#$&'*+/=?^`{|}~%-]{1,64}(?:@|%40)(?:[\w-]{1,63}\.){0,8}[\w-]{1,63}")
JWT = re.compile(r"(?<![\w-])eyJ[\w-]{5,}(?:\.[\w-]*){1,4}")
SCHEME = re.compile(r"\b(bearer|dpop|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE)
URL_PASSWORD = re.compile(r"://([^\s:/@]{0,128}):\S{0,1024}@")
ASSIGNED = re.compile(
    r"""\b([\w.-]{0,32}(?:passw(?:or)?d|pwd|token|secret|authorization|cookie|api_?key|secret_?key|private_?key)[\w-]{0,32})"""
    r"""(["']?\s{0,3}[=:]\s{0,3})(?:"[^"]{0,1024}"|'[^']{0,1024}'|(?:(?:bearer|basic|dpop)\s+)?[^\s,;&]{1,1024})""",
    re.IGNORECASE,
)
PHONE = re.compile(r"\+\d[\d ().-]{7,18}\d")
# Line ends and control characters of all sorts, text direction marks, lone surrogates (which JSON cannot carry).
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def redact(_: object, __: str, event: EventDict) -> EventDict:
    """Hide what is secret or personal, by name and by look, and make every text one printable line."""
    return {printable(name): value if name in OURS else clean(name, value) for name, value in event.items()}


def clean(name: str, value: object, depth: int = 0) -> Any:
    """Give a value that may be logged under a name; an object of another kind is named by its type alone."""
    if name not in PUBLIC_KEYS and is_secret(name):
        return HIDDEN
    if isinstance(value, str):
        return scrub(value)
    if value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < BIGGEST_NUMBER):
        return value
    if depth < DEEPEST and isinstance(value, dict):
        return {printable(str(key)): clean(str(key), inner, depth + 1) for key, inner in value.items()}
    if depth < DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [clean("", inner, depth + 1) for inner in value]
    return f"<{type(value).__qualname__}>"


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Tell whether a member of this name is never shown: `api_key`, `Set-Cookie`, `accessToken`."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name[:100]).lower().replace("-", "_")
    return SECRET_WORDS.search(snake) is not None or not SECRET_PARTS.isdisjoint(re.split(r"[^a-z0-9]+|_", snake))


def scrub(text: str) -> str:
    """Hide what looks like a credential or an address of a person in a text; the tests keep the common case cheap."""
    text = text[:LONGEST_READ]
    if "=" in text or ":" in text:
        text = ASSIGNED.sub(rf"\1\2{HIDDEN}", text)
        text = URL_PASSWORD.sub(rf"://\1:{HIDDEN}@", text) if "://" in text else text
    if "eyJ" in text:
        text = JWT.sub(HIDDEN, text)
    if " " in text:
        text = SCHEME.sub(rf"\1 {HIDDEN}", text)
    if "@" in text or "%40" in text:
        text = EMAIL.sub(HIDDEN, text)
    if "+" in text:
        text = PHONE.sub(HIDDEN, text)
    return printable(text if len(text) <= LONGEST_WRITTEN else text[:LONGEST_WRITTEN] + "…")


def printable(text: str) -> str:
    """Write control characters as escapes: nobody who names himself can begin a line or colour a terminal."""
    if text.isprintable():
        return text
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
