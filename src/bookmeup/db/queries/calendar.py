"""All that decides about the starts of some days, in one statement: place, service, who performs it, and their time."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, text

from bookmeup.db.prepared import ask
from bookmeup.domain.clock import day_span
from bookmeup.domain.schedule import Addition, Hours, Schedule
from bookmeup.domain.slots import Calendar, Terms
from bookmeup.domain.spans import Span


class ServiceTerms(Struct):
    """What is frozen on an appointment; lengths in minutes."""

    name: str
    duration: int
    price_minor: int
    currency: str
    slot_interval: int
    buffer_before: int
    buffer_after: int
    minimum_notice: int
    booking_horizon: int
    cancellation_window: int | None


class ProviderTime(Struct):
    id: int
    name: str
    weekly: list[Hours]
    added: list[Addition]
    occupied: list[Span]

    @property
    def calendar(self) -> Calendar:
        return Calendar(Schedule(self.weekly, self.added), self.occupied)

    def booked_within(self, start: int, end: int) -> int:
        """Seconds of the span that are occupied."""
        return sum(max(0, min(end, until) - max(start, since)) for since, until in self.occupied)


class Planner(Struct):
    """`now` in seconds since 1970, by the database's clock."""

    timezone: str
    now: int
    service: ServiceTerms | None
    providers: list[ProviderTime]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def day_span(self, day: date) -> Span:
        return day_span(day, self.zone)


_CANDIDATE = """p.retired_at IS NULL AND (CAST(:provider AS bigint) IS NULL OR p.id = :provider) AND
  (p.performs_all OR EXISTS (
    SELECT 1 FROM provider_services ps WHERE ps.provider_id = p.id AND ps.service_id = :service))"""

LOCK_CANDIDATES = text(f"""
SELECT r.id FROM resources r JOIN providers p ON p.id = r.id WHERE {_CANDIDATE} ORDER BY r.id FOR UPDATE OF r
""")  # noqa: S608 - a constant

_PLAN = text(f"""
SELECT json_build_object(
  'timezone', l.timezone,
  'now', extract(epoch FROM now())::bigint,
  'service', (
    SELECT json_build_object('name', s.name, 'duration', s.duration, 'price_minor', s.price_minor,
      'currency', s.currency, 'slot_interval', s.slot_interval, 'buffer_before', s.buffer_before,
      'buffer_after', s.buffer_after, 'minimum_notice', s.minimum_notice, 'booking_horizon', s.booking_horizon,
      'cancellation_window', s.cancellation_window)
    FROM services s WHERE s.id = :service AND (s.is_active OR CAST(:kept AS bigint) IS NOT NULL)),
  'providers', (
    SELECT coalesce(json_agg(json_build_object('id', p.id, 'name', p.name,
      'weekly', (SELECT coalesce(json_agg(json_build_array(w.weekday, w.start_minute, w.end_minute)), '[]')
                 FROM weekly_hours w WHERE w.provider_id = p.id),
      'added', (SELECT coalesce(json_agg(json_build_array(a.date, a.start_minute, a.end_minute)), '[]')
                FROM availability a WHERE a.provider_id = p.id AND a.date BETWEEN :since AND :until),
      'occupied', (SELECT coalesce(json_agg(json_build_array(extract(epoch FROM lower(o.during))::bigint,
                                                             extract(epoch FROM upper(o.during))::bigint)), '[]')
                   FROM occupied o
                   WHERE int8range(o.resource_id, o.resource_id, '[]') && int8range(p.id, p.id, '[]')
                     AND o.during && tstzrange(CAST(:since AS timestamp) AT TIME ZONE l.timezone,
                                               CAST(:until AS timestamp) AT TIME ZONE l.timezone + interval '1 day')
                     AND o.status IN ('hold', 'pending', 'confirmed')
                     AND o.occurrence_id IS DISTINCT FROM CAST(:kept AS bigint))
      ) ORDER BY p.id), '[]')
    FROM providers p WHERE {_CANDIDATE})
)::text FROM locations l ORDER BY l.id LIMIT 1
""")  # noqa: S608 - a constant

_DECODER = msgspec.json.Decoder(Planner)


def plan(
    connection: Connection, service_id: int, provider_id: int | None, day: date, *, kept: int | None = None
) -> Planner:
    """Read what decides about a day, its neighbours included: an appointment may run over midnight.

    `kept` is an occurrence that is being moved: its time does not count, and its service may be inactive.
    """
    values = {
        "service": service_id,
        "provider": provider_id,
        "kept": kept,
        "since": day - timedelta(days=1),
        "until": day + timedelta(days=1),
    }
    return _DECODER.decode(ask(connection, _PLAN, values).scalar_one())


def terms_of(service: ServiceTerms) -> Terms:
    return Terms(
        duration=service.duration * 60,
        buffer_before=service.buffer_before * 60,
        buffer_after=service.buffer_after * 60,
        slot_interval=service.slot_interval * 60,
        minimum_notice=service.minimum_notice * 60,
        booking_horizon=service.booking_horizon * 60,
    )
