"""What is done to a series or a visit as a whole."""

import msgspec

from bookmeup.db.queries import appointments as stored
from bookmeup.db.queries import together
from bookmeup.db.queries.audit import record
from bookmeup.db.queries.together import Together
from bookmeup.db.transactions import Tx
from bookmeup.domain import appointments as rules
from bookmeup.domain.appointments import TAKING_TIME, Actor, Booked
from bookmeup.errors import NotFound, TooLateToCancel
from bookmeup.schemas.together import CancelledTogether


def cancelled(tx: Tx, kind: Together, together_id: int, reason: str | None, *, whole: bool) -> CancelledTogether:
    """Cancel what is still to come. Where it is too late for one, that one stays; with `whole`, all stay."""
    found = together.locked(tx, kind, together_id)
    coming = _coming(found, tx.actor, tx.now, kind)
    late: dict[int, bool] = {}
    kept: list[int] = []
    for one in coming:
        try:
            late[one.id] = rules.cancelled(one, tx.actor, tx.now)
        except TooLateToCancel:
            kept.append(one.id)
    if kept and (whole or not late):
        raise TooLateToCancel
    stored.cancel(tx, list(late), reason, late=[one for one, is_late in late.items() if is_late])
    record(tx, "cancelled", kind.value, together_id, msgspec.json.encode({"kept": kept, "reason": reason}).decode())
    return CancelledTogether(f"{kind.value.capitalize()} cancelled.", list(late), kept)


def _coming(found: list[Booked], by: Actor, now: int, kind: Together) -> list[Booked]:
    """Return what has not begun, for who may know of it."""
    if not found or not (by.role.is_staff or found[0].customer_id == by.id):
        raise NotFound(f"There is no such {kind.value}.")
    coming = [one for one in found if one.status in TAKING_TIME and one.starts >= now]
    if not coming:
        raise NotFound(f"Nothing of this {kind.value} is still to come.")
    return coming
