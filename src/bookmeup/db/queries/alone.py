"""One at a time for what is counted: a limit that two requests at once must not pass."""

from sqlalchemy import text

from bookmeup.db.transactions import Tx

_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:what || ':' || CAST(:id AS text), 0))")


def alone(tx: Tx, what: str, user_id: int) -> None:
    """Wait until no other transaction counts the same of this user; taken after the locks of a booking."""
    tx.soon(_ALONE, what=what, id=user_id)
