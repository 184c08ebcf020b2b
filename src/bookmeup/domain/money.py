"""Money: whole minor units and an ISO 4217 code; as text, `80 RON` or `80.50 RON`."""

import re
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from babel.numbers import get_currency_precision, is_currency

_TEXT = re.compile(r"\s*(\d{1,9})(?:[.](\d{1,2}))?(?:\s*([A-Za-z]{3}))?\s*", re.ASCII)
LARGEST = 10**11  # minor units; far below what bigint and JSON's exact integers hold


class Money(NamedTuple):
    minor: int
    currency: str

    def __str__(self) -> str:
        digits = precision(self.currency)
        whole, rest = divmod(self.minor, 10**digits)
        return f"{whole}.{rest:0{digits}d} {self.currency}" if rest else f"{whole} {self.currency}"


def parse(price: str | float, currency: str) -> Money:
    """Read a number, or an amount with an optional currency code; `currency` is used where none is given.

    Raises ValueError with a sentence's end ("is …", "has …") that says what is wrong.
    """
    text = price if isinstance(price, str) else format(Decimal(str(price)), "f")
    match = _TEXT.fullmatch(_trimmed(text) if isinstance(price, float) else text)
    if match is None:
        raise ValueError('is not an amount of at most two decimals, such as 80, "80.50" or "80 RON"')
    whole, decimals, code = match.group(1), match.group(2) or "", (match.group(3) or currency).upper()
    if not known(code):
        raise ValueError(f"has an unknown currency: {code}")
    digits = precision(code)
    if decimals.rstrip("0")[digits:]:
        raise ValueError(f"has more decimals than {code} has")
    return Money(int(whole) * 10**digits + int(decimals.ljust(digits, "0")[:digits] or 0), code)


def _trimmed(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


@cache
def known(code: str) -> bool:
    return bool(is_currency(code))


@cache
def precision(code: str) -> int:
    """Return how many decimals the currency has."""
    return int(get_currency_precision(code))
