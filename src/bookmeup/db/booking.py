"""How an appointment comes about and changes: lock, read, apply the rules, write; in the caller's transaction."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from bookmeup.db.queries import appointments as stored
from bookmeup.db.queries.appointments import Made, Place, Promise
from bookmeup.db.queries.calendar import Asked, GivenBackError, Planner, ProviderTime, lock_and_plan
from bookmeup.db.transactions import Tx
from bookmeup.domain.booking import Candidate, free_seat, least_booked
from bookmeup.domain.clock import DAY_MINUTES, instant
from bookmeup.domain.slots import Terms, free_room, why_not
from bookmeup.errors import NoSuchTime, ProviderDoesNot, RuleBroken, UnknownReference


class Wanted(NamedTuple):
    """What somebody wants: a service on a day at a wall-clock minute, with whom and where if that matters."""

    service_id: int
    day: date
    minute: int
    provider_id: int | None = None
    location_id: int | None = None
    addons: Sequence[int] = ()

    def asked(self) -> Asked:
        return Asked(
            self.service_id, self.day, self.day, self.provider_id, self.location_id, self.addons, minute=self.minute
        )


def planned(tx: Tx, asked: Asked) -> Planner:
    """Lock and read what an order depends on; refuse one that names what does not exist."""
    return existing(lock_and_plan(tx, asked), asked)


def existing(planner: Planner | None, asked: Asked) -> Planner:
    """Return what was planned; refuse what does not exist."""
    if planner is None:
        raise UnknownReference("There is no such location.")
    if planner.service is None:
        raise UnknownReference("There is no such service.")
    return with_addons(planner, asked)


def with_addons(planner: Planner, asked: Asked) -> Planner:
    """Return what was planned; refuse add-ons that are not the service's, or too long with it."""
    if len(planner.addons) != len(set(asked.addons)):
        raise UnknownReference("There is no such add-on of this service.")
    if any(sum(planner.minutes(provider)) > DAY_MINUTES for provider in planner.providers):
        raise RuleBroken("An appointment lasts a day at most, add-ons included.")
    return planner


def start_of(planner: Planner, day: date, minute: int) -> int:
    start = instant(day, minute, planner.zone)
    if start is None:
        raise NoSuchTime
    return start


def chosen(planner: Planner, start: int, day: date, terms: Terms | None = None) -> Place:
    """Return where a start can be put: the least booked provider who is free then, or the refusal of the nearest.

    `terms` are those that were promised, where an appointment is moved.
    """
    if not planner.providers:
        raise ProviderDoesNot
    rooms, since_until = planner.resources(), planner.day_span(day)
    candidates = [
        Candidate(
            provider.id,
            why_not(
                start,
                day,
                planner.calendar(provider, terms),
                terms or planner.terms(provider),
                planner.zone,
                planner.now,
                rooms,
            ),
            provider.booked_within(*since_until),
        )
        for provider in planner.providers
    ]
    winner = least_booked(candidates).provider_id
    provider = next(provider for provider in planner.providers if provider.id == winner)
    return place_at(planner, provider, start, terms or planner.terms(provider))


def place_at(planner: Planner, provider: ProviderTime, start: int, terms: Terms) -> Place:
    """Return where a start with this provider is put: a seat of a group that is there, or a resource that is free."""
    assert planner.service is not None  # planned refuses others
    joined = (group for group in provider.groups if group.start == start and group.has_room_for(terms))
    group = next(joined, None)
    place = Place(provider.id, start, terms, planner.location_id, capacity=planner.service.capacity)
    if group is not None:
        return place._replace(occurrence_id=group.id, seat=free_seat(group.seats), resource_id=group.room)
    rooms = planner.resources()
    if not rooms.needed:
        return place
    room = free_room(start, terms, rooms)
    assert room is not None  # why_not has found one
    return place._replace(resource_id=planner.rooms[room].id)


def promise_of(planner: Planner, wanted: Wanted, provider_id: int) -> Promise:
    """Return what is frozen on the appointment: the terms of now, with this provider."""
    service = planner.service
    assert service is not None  # planned refuses others
    provider = next(provider for provider in planner.providers if provider.id == provider_id)
    return Promise(
        service_id=wanted.service_id,
        segments=planner.minutes(provider),
        price_minor=planner.price(provider),
        currency=service.currency,
        buffer_before=service.buffer_before,
        buffer_after=service.buffer_after,
        cancellation_window=service.cancellation_window,
        addons=msgspec.json.encode(planner.addons),
    )


def put(tx: Tx, planner: Planner, wanted: Wanted, made: Made) -> int:
    """Choose and insert; the planner knows of it afterwards, so that the next of a series or visit keeps clear."""
    start = start_of(planner, wanted.day, wanted.minute)
    place = chosen(planner, start, wanted.day)
    if not planner.has_locked(place.provider_id, place.resource_id):
        raise GivenBackError
    promise = promise_of(planner, wanted, place.provider_id)
    appointment = stored.insert(tx, place, promise, made, planner.next_id)
    note(planner, place)
    return appointment


def note(planner: Planner, place: Place) -> None:
    """Let a planner that has been read know of what was put since."""
    planner.next_id = None
    provider = next(provider for provider in planner.providers if provider.id == place.provider_id)
    provider.occupied.extend(place.terms.occupied(place.start))
    for room in planner.rooms:
        if room.id == place.resource_id:
            room.taken.append(place.terms.whole(place.start))
