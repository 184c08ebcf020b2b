"""Prices as they come in, read; what is wrong with one is told with its place."""

from bookmeup.domain import money
from bookmeup.domain.money import Money
from bookmeup.errors import Fault, Invalid


def read_price(price: str | float, currency: str, place: str) -> Money:
    """Return the price, in this currency where it names none."""
    try:
        return money.parse(price, currency)
    except ValueError as error:
        raise Invalid([Fault(place, str(error))]) from error


def read_minor(price: str | float, currency: str, place: str) -> int:
    """Return the price in minor units; it must be in this currency."""
    found = read_price(price, currency, place)
    if found.currency != currency:
        raise Invalid([Fault(place, f"must be in {currency}, as the service is")])
    return found.minor
