"""What differs from a provider's weekly hours: replaced days, time off, and the closures of a location."""

from datetime import UTC, date

from sqlalchemy import Connection, text

from bookmeup.db.prepared import ask
from bookmeup.db.transactions import Caller, Tx
from bookmeup.domain.spans import Span, merged
from bookmeup.domain.users import UserRole
from bookmeup.errors import NotFound, RoleNotAllowed, Unauthenticated
from bookmeup.schemas.hours import Closure, Interval, ProviderDay, SpanRequest, TimeOff
from bookmeup.schemas.text import clock_text

_ACTOR = """actor AS (
  SELECT u.id, u.role FROM users u JOIN sessions s ON s.user_id = u.id
  WHERE u.id = :actor AND s.id = :sid AND s.ended_at IS NULL AND s.expires_at > now())"""

_DAY = text(f"""
WITH {_ACTOR} SELECT actor.role, p.id, d.minutes, (
  SELECT coalesce(json_agg(json_build_array(w.start_minute, w.end_minute)), '[]')
  FROM weekly_hours w WHERE w.provider_id = p.id AND w.weekday = :weekday) AS weekly
FROM actor LEFT JOIN providers p ON p.id = :provider AND actor.role <> 'customer'
LEFT JOIN replaced_days d ON d.provider_id = p.id AND d.date = :date
""")  # noqa: S608 - constants
_REPLACE = text("""
INSERT INTO replaced_days (provider_id, date, minutes) VALUES (:provider, :date, CAST(:minutes AS integer[]))
ON CONFLICT (provider_id, date) DO UPDATE SET minutes = excluded.minutes
""")
_RESTORE = text("DELETE FROM replaced_days WHERE provider_id = :provider AND date = :date")

_TIME_OFF = text(f"""
WITH {_ACTOR} SELECT actor.role, p.id AS provider, t.id, t.starts_at, t.ends_at, t.reason
FROM actor LEFT JOIN providers p ON p.id = :provider AND actor.role <> 'customer'
LEFT JOIN time_off t ON t.provider_id = p.id AND t.ends_at > now() ORDER BY t.starts_at, t.id LIMIT 10000
""")  # noqa: S608 - constants
_ADD_TIME_OFF = text("""
INSERT INTO time_off (provider_id, starts_at, ends_at, reason)
VALUES (:provider, :starts, :ends, :reason) RETURNING id
""")
_END_TIME_OFF = text("DELETE FROM time_off WHERE id = :id AND provider_id = :provider")

_CLOSURES = text("""
SELECT id, location_id, starts_at, ends_at, reason FROM closures
WHERE ends_at > now() AND (CAST(:location AS bigint) IS NULL OR location_id = :location)
ORDER BY starts_at, id LIMIT 10000
""")
_CLOSE = text("""
INSERT INTO closures (location_id, starts_at, ends_at, reason)
VALUES (:location, :starts, :ends, :reason) RETURNING id
""")
_LOCATION_OF_CLOSURE = text("SELECT location_id FROM closures WHERE id = :id")
_REOPEN = text("DELETE FROM closures WHERE id = :id")


def day(connection: Connection, who: Caller, provider_id: int, on: date) -> ProviderDay:
    """Return the hours of a provider's date, for staff."""
    values = {"actor": who.actor, "sid": who.sid, "provider": provider_id, "date": on, "weekday": on.isoweekday()}
    row = ask(connection, _DAY, values).first()
    _seen_by(None if row is None else row.role, None if row is None else row.id)
    assert row is not None  # _seen_by refuses
    minutes: list[int] | None = row.minutes
    spans = row.weekly if minutes is None else list(zip(minutes[::2], minutes[1::2], strict=True))
    return ProviderDay(
        on.isoformat(),
        minutes is not None,
        [Interval(clock_text(start), clock_text(end)) for start, end in merged((s, e) for s, e in spans)],
    )


def _seen_by(role: str | None, provider_id: int | None) -> None:
    """Refuse who may not look, and a provider who does not exist."""
    if role is None:
        raise Unauthenticated
    if role == UserRole.CUSTOMER:
        raise RoleNotAllowed
    if provider_id is None:
        raise NotFound("There is no such provider.")


def replace_day(tx: Tx, provider_id: int, on: date, intervals: list[Span]) -> None:
    """Let these intervals, in minutes, be the hours of a date; none is closed."""
    tx.run(_REPLACE, provider=provider_id, date=on, minutes=[minute for span in merged(intervals) for minute in span])


def restore_day(tx: Tx, provider_id: int, on: date) -> bool:
    """Let the weekly hours count again; return whether they did not."""
    return tx.run(_RESTORE, provider=provider_id, date=on) == 1


def time_off(connection: Connection, who: Caller, provider_id: int) -> list[TimeOff]:
    """Return a provider's time off that is not over, for staff."""
    rows = ask(connection, _TIME_OFF, {"actor": who.actor, "sid": who.sid, "provider": provider_id}).all()
    _seen_by(rows[0].role if rows else None, rows[0].provider if rows else None)
    return [
        TimeOff(row.id, row.starts_at.astimezone(UTC), row.ends_at.astimezone(UTC), row.reason)
        for row in rows
        if row.id is not None
    ]


def add_time_off(tx: Tx, provider_id: int, span: SpanRequest) -> int:
    row = tx.one(_ADD_TIME_OFF, provider=provider_id, starts=span.starts_at, ends=span.ends_at, reason=span.reason)
    assert row is not None
    return int(row.id)


def end_time_off(tx: Tx, provider_id: int, time_off_id: int) -> bool:
    return tx.run(_END_TIME_OFF, id=time_off_id, provider=provider_id) == 1


def closures(connection: Connection, location_id: int | None) -> list[Closure]:
    """Return the closures that are not over."""
    return [
        Closure(
            row.id, row.starts_at.astimezone(UTC), row.ends_at.astimezone(UTC), row.reason, location_id=row.location_id
        )
        for row in ask(connection, _CLOSURES, {"location": location_id}).all()
    ]


def close(tx: Tx, location_id: int, span: SpanRequest) -> int:
    row = tx.one(_CLOSE, location=location_id, starts=span.starts_at, ends=span.ends_at, reason=span.reason)
    assert row is not None
    return int(row.id)


def location_of_closure(tx: Tx, closure_id: int) -> int | None:
    row = tx.one(_LOCATION_OF_CLOSURE, id=closure_id)
    return None if row is None else int(row.location_id)


def reopen(tx: Tx, closure_id: int) -> bool:
    return tx.run(_REOPEN, id=closure_id) == 1
