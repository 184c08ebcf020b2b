"""Prices, as clients send and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookmeup.domain.money import Money, parse


@pytest.mark.parametrize(
    ("price", "money", "text"),
    [
        (80, Money(8000, "EUR"), "80 EUR"),
        (80.5, Money(8050, "EUR"), "80.50 EUR"),
        ("80", Money(8000, "EUR"), "80 EUR"),
        ("80.5 ron", Money(8050, "RON"), "80.50 RON"),
        (" 80.50 RON ", Money(8050, "RON"), "80.50 RON"),
        ("0", Money(0, "EUR"), "0 EUR"),
        ("500 JPY", Money(500, "JPY"), "500 JPY"),
        ("500.00 JPY", Money(500, "JPY"), "500 JPY"),
        ("1.50 KWD", Money(1500, "KWD"), "1.500 KWD"),
    ],
)
def test_a_price_is_read_and_shown(price: str | float, money: Money, text: str) -> None:
    assert parse(price, "EUR") == money
    assert str(money) == text


@pytest.mark.parametrize(
    "price",
    ["", "free", "80,50", "-1", -1, "80.505", 80.505, "1e3", "80 RO", "80 XYZ", "1.5 JPY", "RON 80", float("inf"),
     float("nan"), "9999999999", "80 RON RON", "٣"],
)  # fmt: skip
def test_what_is_no_price_is_refused(price: str | float) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        parse(price, "EUR")


@given(st.integers(0, 10**9 - 1), st.sampled_from(["EUR", "RON", "JPY"]))
def test_a_price_is_read_back_as_it_was_shown(minor: int, currency: str) -> None:
    assert parse(str(Money(minor, currency)), "USD") == Money(minor, currency)
