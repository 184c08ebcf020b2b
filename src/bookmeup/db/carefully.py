"""Changes of the calendar say whom they would leave outside before they are saved; nothing moves silently."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import text

from bookmeup.db.queries.audit import record_all
from bookmeup.db.queries.standing import Standing
from bookmeup.db.transactions import Tx
from bookmeup.errors import AppointmentsAffected
from bookmeup.schemas.hours import Affected, Consent

T = TypeVar("T")
_BEFORE, _UNDO = text("SAVEPOINT trial"), text("ROLLBACK TO SAVEPOINT trial")


Look = Callable[[Tx, Sequence[int]], Standing]


def carefully(
    tx: Tx, consent: Consent, look: Look, ids: Sequence[int], because: str, change: Callable[[Tx], T]
) -> T | Affected:
    """Make the change if nobody is newly outside after it, or if the client knows; a dry run only says who would be.

    `look` at the providers or resources with these ids, which the caller has locked as a booking does. `because` is
    the change's name in the history of the appointments that are kept.
    """
    before = look(tx, ids)
    were_outside = before.outside()
    if consent.dry_run:
        tx.run(_BEFORE)
    done = change(tx)
    left = look(tx, ids).outside().keys() - were_outside.keys()
    if consent.dry_run:
        tx.run(_UNDO)
    rows = [row.shown() for row in before.appointments if row.id in left]
    if consent.dry_run:
        return Affected(rows)
    if rows and not consent.keep:
        raise AppointmentsAffected(_sentence(len(rows)), affected=msgspec.to_builtins(rows))
    if rows:
        details = msgspec.json.encode({"because": because}).decode()
        record_all(tx, "kept", "appointment", [row.id for row in rows], details)
    return done


def _sentence(count: int) -> str:
    what = "1 appointment" if count == 1 else f"{count} appointments"
    return f"This change would leave {what} outside. Move or cancel first, or send keep=1."
