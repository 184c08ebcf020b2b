"""Time that passes for holds."""

from sqlalchemy import URL, text
from tests.support.databases import engine

_PAST = (
    "UPDATE appointments SET hold_until = now() - interval '1 s' WHERE id = :id",
    """UPDATE occupied SET hold_until = now() - interval '1 s' WHERE status = 'hold'
       AND occurrence_id = (SELECT occurrence_id FROM appointments WHERE id = :id)""",
    "UPDATE offers SET expires_at = now() - interval '1 s' WHERE appointment_id = :id",
)


def let_pass(url: URL, hold: int) -> None:
    """Let a hold's time be over, and that of the offer it was made for."""
    with engine(url).begin() as connection:
        for statement in _PAST:
            connection.execute(text(statement), {"id": hold})
