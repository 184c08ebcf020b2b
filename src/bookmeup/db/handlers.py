"""What follows from a row of the outbox: a small table of handlers by kind.

A handler runs in the row's own transaction and may run again. All that is here gives freed time to the waitlist.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bookmeup.db.matching import Opening, match
from bookmeup.db.queries import outbox
from bookmeup.db.queries.outbox import Days
from bookmeup.db.transactions import Tx

Payload = Mapping[str, Any]
Handler = Callable[[Tx, Payload], None]


def _freed(days: Callable[[Tx, Payload], Days | None]) -> Handler:
    """Return the handler that gives away what may have become free on these days."""

    def handle(tx: Tx, payload: Payload) -> None:
        found = days(tx, payload)
        if found is not None:
            match(tx, Opening(*found))

    return handle


_cancelled = _freed(lambda tx, payload: outbox.days_of(tx, payload["id"]))
_moved = _freed(lambda tx, payload: outbox.days_between(tx, payload["id"], *payload["freed"]))
_added = _freed(lambda tx, payload: outbox.days_added(tx, payload["id"]))
_opened = _freed(lambda tx, _payload: outbox.days_wished(tx))

HANDLERS: Mapping[str, Handler] = {
    "appointment.cancelled": _cancelled,
    "appointment.declined": _cancelled,
    "appointment.expired": _cancelled,
    "appointment.moved": _moved,
    "availability.added": _added,
    **dict.fromkeys(
        (
            "provider.created",
            "provider.changed",
            "provider.day_replaced",
            "provider.day_restored",
            "time_off.removed",
            "closure.removed",
            "resource.created",
            "resource.changed",
            "service.changed",
            "location.changed",
        ),
        _opened,
    ),
}
