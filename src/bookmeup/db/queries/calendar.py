"""All that decides about the starts of some days, in one statement: place, service, who performs it, and their time."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, TextClause, text

from bookmeup.db.prepared import ask
from bookmeup.db.transactions import OPENED, Opening, Step, Tx
from bookmeup.domain.clock import day_span
from bookmeup.domain.schedule import Addition, Hours, Schedule
from bookmeup.domain.slots import Calendar, Rooms, Terms
from bookmeup.domain.spans import Span, holds, merged


class Addon(Struct):
    """Something that lengthens a service and raises its price; minutes and minor units."""

    id: int
    name: str
    duration: int
    price_minor: int


class ServiceTerms(Struct):
    """A service as it is now; lengths in minutes. `segments` are null for one that is all work."""

    name: str
    duration: int
    price_minor: int
    currency: str
    segments: list[int] | None
    slot_interval: int
    buffer_before: int
    buffer_after: int
    minimum_notice: int
    booking_horizon: int
    cancellation_window: int | None
    capacity: int
    needs_approval: bool
    resource_type: str | None


class Group(NamedTuple):
    """An occurrence of a group service: when it starts, which seats are taken, and what it takes of its provider."""

    id: int
    start: int
    seats: list[int]
    taken: list[Span]
    room: int | None

    def has_room_for(self, terms: Terms) -> bool:
        """Whether somebody with these terms works no longer than the group takes: a seat frees no further time."""
        taken = merged(self.taken)
        return all(holds(taken, self.start + since, self.start + until) for since, until in terms.work())


class Replaced(NamedTuple):
    """A date whose weekly hours do not count; minutes are start and end in turn."""

    day: date
    minutes: list[int]


class ProviderTime(Struct):
    """A provider with his own duration and price for the service, where he has them."""

    id: int
    name: str
    duration: int | None
    price_minor: int | None
    weekly: list[Hours]
    added: list[Addition]
    replaced: list[Replaced]
    time_off: list[Span]
    occupied: list[Span]
    groups: list[Group]

    def calendar(self, closed: Sequence[Span], capacity: int, terms: Terms) -> Calendar:
        replaced = {day: list(zip(minutes[::2], minutes[1::2], strict=True)) for day, minutes in self.replaced}
        schedule = Schedule(self.weekly, self.added, replaced, closed, merged(self.time_off))
        groups = [group for group in self.groups if group.has_room_for(terms)]
        seats = frozenset(group.start for group in groups if len(group.seats) < capacity)
        return Calendar(schedule, self.occupied, seats, frozenset(group.start for group in groups) - seats)

    def booked_within(self, start: int, end: int) -> int:
        """Seconds of the span that are occupied."""
        return sum(max(0, min(end, until) - max(start, since)) for since, until in self.occupied)


class Room(NamedTuple):
    id: int
    taken: list[Span]


class Planner(Struct):
    """`now` in seconds since 1970, by the database's clock; `closed` are the location's closures.

    `next_id` is the id of the appointment that is put first, where one was taken from the sequence. `locked` are the
    resources that are locked, where those that could not be had were not; None elsewhere.
    """

    location_id: int
    timezone: str
    now: int
    service: ServiceTerms | None
    addons: list[Addon]
    closed: list[Span]
    rooms: list[Room]
    providers: list[ProviderTime]
    next_id: int | None = None
    locked: list[int] | None = None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def day_span(self, day: date) -> Span:
        return day_span(day, self.zone)

    def has_locked(self, *resources: int | None) -> bool:
        return self.locked is None or {*resources} - {None} <= {*self.locked}

    def resources(self) -> Rooms:
        needed = self.service is not None and self.service.resource_type is not None
        return Rooms([room.taken for room in self.rooms], needed)

    def calendar(self, provider: ProviderTime, terms: Terms | None = None) -> Calendar:
        """Return a provider's time for the service of now, or for these terms."""
        assert self.service is not None  # asked of services that exist
        return provider.calendar(merged(self.closed), self.service.capacity, terms or self.terms(provider))

    def minutes(self, provider: ProviderTime) -> list[int]:
        """Return the segments of the service with this provider, add-ons included, in minutes."""
        assert self.service is not None  # asked of services that exist
        segments = list(self.service.segments or [self.service.duration])
        own = 0 if provider.duration is None else provider.duration - self.service.duration
        segments[-1] = max(1, segments[-1] + own + sum(addon.duration for addon in self.addons))
        return segments

    def terms(self, provider: ProviderTime) -> Terms:
        assert self.service is not None  # asked of services that exist
        return terms_of(self.service, self.minutes(provider))

    def price(self, provider: ProviderTime) -> int:
        assert self.service is not None  # asked of services that exist
        own = self.service.price_minor if provider.price_minor is None else provider.price_minor
        return own + sum(addon.price_minor for addon in self.addons)


class Asked(NamedTuple):
    """What is planned: a service with add-ons, for one provider or any, somewhere, on some days.

    `moving` is an appointment that is being moved: its provider is locked too, its service may be inactive, and
    neither its seat nor the time that it alone takes counts. `minute` is the start that is wanted on the first day.
    """

    service_id: int
    first: date
    last: date
    provider_id: int | None = None
    location_id: int | None = None
    addons: Sequence[int] = ()
    moving: int | None = None
    minute: int | None = None

    @property
    def moves(self) -> bool:
        return self.moving is not None

    def values(self) -> dict[str, object]:
        return {
            "service": self.service_id,
            "provider": self.provider_id,
            "location": self.location_id,
            "addons": list(self.addons),
            "moving": self.moving,
            "minute": self.minute,
            "since": self.first - timedelta(days=1),
            "until": self.last + timedelta(days=1),
        }


_PLACE = """place AS (
  SELECT id, timezone FROM locations WHERE id = coalesce(CAST(:location AS bigint),
    (SELECT location_id FROM resources WHERE id = :provider), (SELECT min(id) FROM locations)))"""

_CANDIDATE = """candidate AS (
  SELECT p.id, p.name, ps.duration, ps.price_minor
  FROM place JOIN resources r ON r.location_id = place.id JOIN providers p ON p.id = r.id
  LEFT JOIN provider_services ps ON ps.provider_id = p.id AND ps.service_id = :service
  WHERE p.retired_at IS NULL AND (CAST(:provider AS bigint) IS NULL OR p.id = :provider)
    AND (p.performs_all OR ps.service_id IS NOT NULL))"""

_ROOM = """room AS (
  SELECT r.id FROM place JOIN resources r ON r.location_id = place.id
  JOIN services s ON s.id = :service AND s.resource_type = r.type WHERE r.retired_at IS NULL)"""

# What frees itself with the appointment that is moved: its occurrence, unless others have seats in it.
_LEFT = """, alone AS (
  SELECT a.occurrence_id AS id FROM appointments a WHERE a.id = :moving AND NOT EXISTS (
    SELECT 1 FROM appointments t WHERE t.occurrence_id = a.occurrence_id AND t.id <> a.id
      AND t.status <> 'cancelled' AND (t.hold_until IS NULL OR t.hold_until > now())))"""

_MOVED = """
  UNION ALL SELECT provider_id FROM appointments WHERE id = :moving
  UNION ALL SELECT resource_id FROM appointments WHERE id = :moving"""


def _lock(moved: str) -> TextClause:
    return text(f"""
WITH {_PLACE}, {_CANDIDATE}, {_ROOM}
SELECT id FROM resources WHERE id IN (
  SELECT id FROM candidate UNION ALL SELECT id FROM room{moved})
ORDER BY id FOR UPDATE
""")  # noqa: S608 - constants


# Who has an appointment at the very start that is wanted is not locked: what is committed refuses him. To wait would
# tell the same, later: of two hundred who want one time, all but the first few would wait in line for nothing. Nor does
# a repeated request wait, which is answered with what was kept, or somebody whose session has ended.
_LOCK_FREE = text(f"""
WITH {_PLACE}, {_CANDIDATE}, {_ROOM}, wanted AS (
  SELECT (CAST(:since AS timestamp) + interval '1 day' + make_interval(mins => :minute)) AT TIME ZONE timezone AS start
  FROM place
), free AS (
  SELECT c.id FROM candidate c
  WHERE EXISTS (SELECT 1 FROM {OPENED} WHERE claimed IS NOT NULL AND actor_role IS NOT NULL) AND NOT EXISTS (
    SELECT 1 FROM appointments a WHERE a.provider_id = c.id AND a.starts_at = (SELECT start FROM wanted)
      AND a.seats = 1 AND a.status IN ('hold', 'pending', 'confirmed')
      AND (a.hold_until IS NULL OR a.hold_until > now()))
), locked AS (
  SELECT id FROM resources WHERE id IN (
    SELECT id FROM free UNION ALL SELECT id FROM room WHERE EXISTS (SELECT 1 FROM free)) ORDER BY id FOR UPDATE)
SELECT set_config('bookmeup.locked', coalesce(array_agg(id), '{{}}')::text, true) FROM locked
""")  # noqa: S608 - constants
_LOCKED = "CAST(nullif(current_setting('bookmeup.locked', true), '') AS bigint[])"


def _ended(providers: str, rooms: str) -> str:
    """Return what ends the holds whose time is over, of the rows that are locked: the constraint sees no clock.

    Without any the function of the migrations is not called. What is read leaves such holds out as it is.
    """
    return f""", 'ended', (
    SELECT count(*) FROM (
      SELECT array_agg(id) AS ids FROM appointments WHERE status = 'hold' AND hold_until <= now()
        AND (provider_id = {providers} OR resource_id = {rooms}) HAVING count(*) > 0
    ) stale CROSS JOIN LATERAL end_holds(stale.ids))"""  # noqa: S608 - constants


_ENDED = _ended("ANY (SELECT id FROM candidate)", "ANY (SELECT id FROM room)")
# With its id known beforehand, an appointment is inserted in the message that commits it.
_TO_PUT = f"""{_ended(f"ANY ({_LOCKED})", f"ANY ({_LOCKED})")}, 'locked', to_json({_LOCKED}),
  'next_id', nextval('appointments_id_seq')"""


def _taken(of: str, *, moving: bool) -> str:
    """Return the select of what a resource is occupied with in the days asked for.

    What starts on the last of them may end a day later, and its buffer half a day after that.
    """
    return f"""(SELECT coalesce(json_agg(json_build_array(extract(epoch FROM lower(o.during))::bigint,
        extract(epoch FROM upper(o.during))::bigint)), '[]') FROM occupied o
      WHERE int8range(o.resource_id, o.resource_id, '[]') && int8range({of}, {of}, '[]')
        AND o.during && tstzrange(CAST(:since AS timestamp) AT TIME ZONE place.timezone,
                                  CAST(:until AS timestamp) AT TIME ZONE place.timezone + interval '36 hours')
        AND o.status IN ('hold', 'pending', 'confirmed') AND (o.hold_until IS NULL OR o.hold_until > now())
        {"AND o.occurrence_id IS DISTINCT FROM (SELECT id FROM alone)" if moving else ""})"""  # noqa: S608 - constants


def _spans(table: str, where: str) -> str:
    return f"""(SELECT coalesce(json_agg(json_build_array(extract(epoch FROM x.starts_at)::bigint,
        extract(epoch FROM x.ends_at)::bigint)), '[]') FROM {table} x
      WHERE {where} AND x.starts_at < CAST(:until AS timestamp) AT TIME ZONE place.timezone + interval '1 day'
        AND x.ends_at > CAST(:since AS timestamp) AT TIME ZONE place.timezone)"""  # noqa: S608 - constants


def _read(more: str, *, moving: bool) -> str:
    return f"""
WITH {_PLACE}, {_CANDIDATE}, {_ROOM}{_LEFT if moving else ""}
SELECT json_build_object(
  'location_id', place.id,
  'timezone', place.timezone,
  'now', extract(epoch FROM now())::bigint,
  'service', (
    SELECT json_build_object('name', s.name, 'duration', s.duration, 'price_minor', s.price_minor,
      'currency', s.currency, 'segments', s.segments, 'slot_interval', s.slot_interval,
      'buffer_before', s.buffer_before, 'buffer_after', s.buffer_after, 'minimum_notice', s.minimum_notice,
      'booking_horizon', s.booking_horizon, 'cancellation_window', s.cancellation_window, 'capacity', s.capacity,
      'needs_approval', s.needs_approval, 'resource_type', s.resource_type)
    FROM services s WHERE s.id = :service{"" if moving else " AND s.is_active"}),
  'addons', (
    SELECT coalesce(json_agg(json_build_object('id', a.id, 'name', a.name, 'duration', a.duration,
      'price_minor', a.price_minor) ORDER BY a.id), '[]')
    FROM addons a WHERE a.service_id = :service AND a.is_active AND a.id = ANY(CAST(:addons AS bigint[]))),
  'closed', {_spans("closures", "x.location_id = place.id")},
  'rooms', (
    SELECT coalesce(json_agg(json_build_array(room.id, {_taken("room.id", moving=moving)}) ORDER BY room.id), '[]')
    FROM room),
  'providers', (
    SELECT coalesce(json_agg(json_build_object('id', p.id, 'name', p.name, 'duration', p.duration,
      'price_minor', p.price_minor,
      'weekly', (SELECT coalesce(json_agg(json_build_array(w.weekday, w.start_minute, w.end_minute)), '[]')
                 FROM weekly_hours w WHERE w.provider_id = p.id),
      'added', (SELECT coalesce(json_agg(json_build_array(a.date, a.start_minute, a.end_minute)), '[]')
                FROM availability a WHERE a.provider_id = p.id AND a.date BETWEEN :since AND :until),
      'replaced', (SELECT coalesce(json_agg(json_build_array(d.date, d.minutes)), '[]')
                   FROM replaced_days d WHERE d.provider_id = p.id AND d.date BETWEEN :since AND :until),
      'time_off', {_spans("time_off", "x.provider_id = p.id")},
      'occupied', {_taken("p.id", moving=moving)},
      'groups', (
        SELECT coalesce(json_agg(json_build_array(o.id, extract(epoch FROM o.starts_at)::bigint, held.seats, busy.spans,
          busy.room)), '[]')
        FROM occurrences o CROSS JOIN LATERAL (
          SELECT json_agg(t.seat_no) AS seats FROM appointments t WHERE t.occurrence_id = o.id
            {"AND t.id <> :moving" if moving else ""}
            AND t.status <> 'cancelled' AND (t.hold_until IS NULL OR t.hold_until > now())
        ) held CROSS JOIN LATERAL (
          SELECT json_agg(json_build_array(extract(epoch FROM lower(b.during))::bigint,
              extract(epoch FROM upper(b.during))::bigint)) FILTER (WHERE b.resource_id = p.id) AS spans,
            min(b.resource_id) FILTER (WHERE b.resource_id <> p.id) AS room
          FROM occupied b WHERE b.occurrence_id = o.id AND b.status IN ('hold', 'pending', 'confirmed')
            AND (b.hold_until IS NULL OR b.hold_until > now())
        ) busy
        WHERE held.seats IS NOT NULL AND busy.spans IS NOT NULL
          AND o.provider_id = p.id AND o.capacity > 1 AND o.service_id = :service
          AND o.starts_at >= CAST(:since AS timestamp) AT TIME ZONE place.timezone
          AND o.starts_at < CAST(:until AS timestamp) AT TIME ZONE place.timezone + interval '1 day')
      ) ORDER BY p.id), '[]')
    FROM candidate p)
  {more})::text FROM place
"""  # noqa: S608 - constants


# By whether an appointment is moved: what is not needed costs time all the same.
_LOCK = {False: _lock(""), True: _lock(_MOVED)}
_READ = text(_read("", moving=False))
_READ_LOCKED = {moving: text(_read(_ENDED, moving=moving)) for moving in (False, True)}
_READ_AHEAD = text(f"""
SELECT opened.*, CASE WHEN claimed IS NOT NULL THEN ({_read(_TO_PUT, moving=False)}) END AS planned FROM {OPENED}
""")  # noqa: S608 - constants
_DECODER = msgspec.json.Decoder(Planner)


def plan(connection: Connection, asked: Asked) -> Planner | None:
    """Read what decides about days, their neighbours included: an appointment may run over midnight.

    None for a location that does not exist.
    """
    return _planner(connection, _READ, asked)


class GivenBackError(Exception):
    """What can be had is not locked: to be tried again by another transaction, with all locked from the start.

    It was given back between the lock and the look, or the start exists twice that day and PostgreSQL took it to be the
    second. Who holds locks and takes more keeps no order, and everything that was read may have changed.
    """


def planning(asked: Asked) -> Opening:
    """Return what locks and reads in the message that a transaction opens with, for `lock_and_plan` to find.

    A start is `asked` for, who is taken then is not locked, and nothing is moved.
    """
    values = asked.values()
    return Opening(_READ_AHEAD, values, before=[Step(_LOCK_FREE, values)], ahead=asked)


def lock_and_plan(tx: Tx, asked: Asked) -> Planner | None:
    """Lock who and what could be taken, in order of id, then end their stale holds and read what was committed.

    Unless the transaction has opened with that: `planning`.
    """
    if tx.opened is not None and tx.ahead == asked:
        return _decoded(tx.opened.planned)
    tx.soon(_LOCK[asked.moves], **asked.values())
    return _planner(tx.connection, _READ_LOCKED[asked.moves], asked)


def plan_locked(connection: Connection, asked: Asked) -> Planner | None:
    """Read what was committed, where the caller has locked it, and end the stale holds."""
    return _planner(connection, _READ_LOCKED[asked.moves], asked)


def _planner(connection: Connection, statement: TextClause, asked: Asked) -> Planner | None:
    return _decoded(ask(connection, statement, asked.values()).scalar())


def _decoded(found: str | None) -> Planner | None:
    return None if found is None else _DECODER.decode(found)


def terms_of(service: ServiceTerms, segments: Sequence[int]) -> Terms:
    """Return the terms of a service with segments in minutes."""
    return Terms(
        segments=tuple(minutes * 60 for minutes in segments),
        buffer_before=service.buffer_before * 60,
        buffer_after=service.buffer_after * 60,
        slot_interval=service.slot_interval * 60,
        minimum_notice=service.minimum_notice * 60,
        booking_horizon=service.booking_horizon * 60,
    )
