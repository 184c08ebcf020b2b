"""The appointments to come of some providers or resources, and the hours that they should lie in: one statement."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from sqlalchemy import text

from bookmeup.db.prepared import ask
from bookmeup.db.queries.calendar import Replaced
from bookmeup.db.transactions import Tx
from bookmeup.domain import outside
from bookmeup.domain.clock import local, moment
from bookmeup.domain.schedule import Addition, Hours, Schedule
from bookmeup.domain.spans import Span, merged
from bookmeup.schemas.appointments import CustomerName, ProviderName, ServiceName
from bookmeup.schemas.hours import AffectedAppointment


class Row(Struct):
    """An appointment to come; instants in seconds, segments in minutes.

    `is_misplaced`: its provider or resource has retired, is elsewhere, or does not do this any more.
    """

    id: int
    status: str
    start: int
    segments: list[int]
    timezone: str
    is_misplaced: bool
    provider: ProviderName
    service: ServiceName
    customer: CustomerName

    def standing(self) -> outside.Standing:
        return outside.Standing(self.id, self.start, tuple(minutes * 60 for minutes in self.segments))

    def shown(self) -> AffectedAppointment:
        wall = local(self.start, ZoneInfo(self.timezone))
        return AffectedAppointment(
            id=self.id,
            date=wall.date().isoformat(),
            time=f"{wall:%H:%M}",
            starts_at=moment(self.start),
            ends_at=moment(self.start + sum(self.segments) * 60),
            status=self.status,
            provider=self.provider,
            service=self.service,
            customer=self.customer,
        )


class ProviderHours(Struct):
    """What says when a provider is open, from now on."""

    id: int
    timezone: str
    weekly: list[Hours]
    added: list[Addition]
    replaced: list[Replaced]
    time_off: list[Span]
    closed: list[Span]

    def schedule(self) -> Schedule:
        replaced: dict[date, list[Span]] = {day: list(zip(m[::2], m[1::2], strict=True)) for day, m in self.replaced}
        return Schedule(self.weekly, self.added, replaced, merged(self.closed), merged(self.time_off))


class Standing(Struct):
    """Appointments to come, and the hours of their providers; of resources there are no hours."""

    providers: list[ProviderHours]
    appointments: list[Row]

    def outside(self) -> dict[int, Row]:
        """Return the appointments that lie outside, by id."""
        of_provider: dict[int, list[outside.Standing]] = {}
        for row in self.appointments:
            of_provider.setdefault(row.provider.id, []).append(row.standing())
        found = {row.id for row in self.appointments if row.is_misplaced}
        for hours in self.providers:
            found |= outside.outside(of_provider.get(hours.id, ()), hours.schedule(), ZoneInfo(hours.timezone))
        return {row.id: row for row in self.appointments if row.id in found}


_SPAN = "extract(epoch FROM x.starts_at)::bigint, extract(epoch FROM x.ends_at)::bigint"

_HOURS = f"""(SELECT coalesce(json_agg(json_build_object('id', p.id, 'timezone', l.timezone,
    'weekly', (SELECT coalesce(json_agg(json_build_array(w.weekday, w.start_minute, w.end_minute)), '[]')
               FROM weekly_hours w WHERE w.provider_id = p.id),
    'added', (SELECT coalesce(json_agg(json_build_array(x.date, x.start_minute, x.end_minute)), '[]')
              FROM availability x WHERE x.provider_id = p.id AND x.date >= CAST(now() AS date) - 2),
    'replaced', (SELECT coalesce(json_agg(json_build_array(x.date, x.minutes)), '[]')
                 FROM replaced_days x WHERE x.provider_id = p.id AND x.date >= CAST(now() AS date) - 2),
    'time_off', (SELECT coalesce(json_agg(json_build_array({_SPAN})), '[]')
                 FROM time_off x WHERE x.provider_id = p.id AND x.ends_at > now()),
    'closed', (SELECT coalesce(json_agg(json_build_array({_SPAN})), '[]')
               FROM closures x WHERE x.location_id = r.location_id AND x.ends_at > now()))), '[]')
  FROM providers p JOIN resources r ON r.id = p.id JOIN locations l ON l.id = r.location_id
  WHERE p.id = ANY(CAST(:ids AS bigint[])))"""  # noqa: S608 - constants

_COMING = """a.starts_at > now() AND a.status IN ('hold', 'pending', 'confirmed')
    AND (a.hold_until IS NULL OR a.hold_until > now())"""


def _appointments(misplaced: str, where: str) -> str:
    return f"""(SELECT coalesce(json_agg(json_build_object('id', a.id, 'status', a.status,
      'start', extract(epoch FROM a.starts_at)::bigint, 'segments', coalesce(a.segments, ARRAY[a.duration]),
      'timezone', l.timezone, 'is_misplaced', {misplaced},
      'provider', json_build_object('id', p.id, 'name', p.name),
      'service', json_build_object('id', s.id, 'name', s.name),
      'customer', json_build_object('id', u.id, 'name', u.name, 'email', coalesce(u.email, u.contact_email),
        'phone', u.phone)) ORDER BY a.starts_at, a.id), '[]')
    FROM appointments a JOIN services s ON s.id = a.service_id JOIN users u ON u.id = a.customer_id
    JOIN providers p ON p.id = a.provider_id JOIN locations l ON l.id = a.location_id
    LEFT JOIN resources r ON r.id = {"a.provider_id" if "p." in misplaced else "a.resource_id"}
    WHERE {where} AND {_COMING})"""  # noqa: S608 - constants


_LOST = """p.retired_at IS NOT NULL OR r.location_id <> a.location_id OR NOT (p.performs_all OR EXISTS (
        SELECT 1 FROM provider_services d WHERE d.provider_id = p.id AND d.service_id = a.service_id))"""
_ROOMLESS = """r.retired_at IS NOT NULL OR r.location_id <> a.location_id
        OR (s.resource_type IS NOT NULL AND r.type IS DISTINCT FROM s.resource_type)"""
_OF_ROOMS = """a.resource_id = ANY(CAST(:ids AS bigint[])) AND a.occurrence_id IN (
      SELECT o.occurrence_id FROM unnest(CAST(:ids AS bigint[])) AS asked (id) JOIN occupied o
        ON int8range(o.resource_id, o.resource_id, '[]') && int8range(asked.id, asked.id, '[]')
        AND o.during && tstzrange(now(), NULL) AND o.status IN ('hold', 'pending', 'confirmed'))"""

# Of a group those who came last have no seat any more when it has fewer.
_SEATLESS = """(s.resource_type IS NOT NULL AND r.type IS DISTINCT FROM s.resource_type) OR s.capacity < (
        SELECT count(*) FROM appointments t WHERE t.occurrence_id = a.occurrence_id AND t.status <> 'cancelled'
          AND (t.hold_until IS NULL OR t.hold_until > now()) AND t.id <= a.id)"""

_PROVIDERS = text(f"""SELECT json_build_object('providers', {_HOURS},
  'appointments', {_appointments(_LOST, "a.provider_id = ANY(CAST(:ids AS bigint[]))")})::text""")
_RESOURCES = text(f"""SELECT json_build_object('providers', json_build_array(),
  'appointments', {_appointments(_ROOMLESS, _OF_ROOMS)})::text""")
_SERVICES = text(f"""SELECT json_build_object('providers', json_build_array(),
  'appointments', {_appointments(_SEATLESS, "a.service_id = ANY(CAST(:ids AS bigint[]))")})::text""")
_DECODER = msgspec.json.Decoder(Standing)


def of_providers(tx: Tx, ids: Sequence[int]) -> Standing:
    """Return what is to come with these providers, who are locked."""
    return _DECODER.decode(ask(tx.connection, _PROVIDERS, {"ids": list(ids)}).scalar_one())


def of_resources(tx: Tx, ids: Sequence[int]) -> Standing:
    """Return what is to come in these rooms, chairs or devices, which are locked."""
    return _DECODER.decode(ask(tx.connection, _RESOURCES, {"ids": list(ids)}).scalar_one())


def of_services(tx: Tx, ids: Sequence[int]) -> Standing:
    """Return what is to come of these services, whose providers are locked."""
    return _DECODER.decode(ask(tx.connection, _SERVICES, {"ids": list(ids)}).scalar_one())
