"""The providers, and what is added to their hours; written by staff."""

from datetime import date

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.db.callers import Callers
from bookmeup.db.carefully import carefully
from bookmeup.db.decide import decide, look
from bookmeup.db.prices import read_minor
from bookmeup.db.queries import business as stored
from bookmeup.db.queries import locations, standing
from bookmeup.db.queries.audit import record
from bookmeup.db.queries.business import OwnTerms
from bookmeup.db.transactions import Tx
from bookmeup.errors import AvailabilityInUse, NotFound, ProviderDoesNot, RuleBroken, UnknownReference
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import DayQuery
from bookmeup.schemas.business import (
    Availability,
    AvailabilityRequest,
    NewProvider,
    OwnRequest,
    Provider,
    ProviderRequest,
)
from bookmeup.schemas.hours import Affected, Consent
from bookmeup.web.operations import operation
from bookmeup.web.reading import path_id, query, read

LOGIC = Callers("logic")


async def providers(request: Request) -> Response:
    return await look(request, lambda connection, _: stored.providers(connection))


async def create_provider(request: Request) -> Response:
    wanted = await read(request, NewProvider)

    def work(tx: Tx) -> Created:
        tx.staff()
        place = _place(tx, None if wanted.location_id is UNSET else wanted.location_id)
        made = stored.insert_provider(tx, wanted.name, place)
        _set(tx, made, wanted)
        record(tx, "created", "provider", made)
        return Created("Provider created.", made)

    return await decide(request, work, status=201, body=wanted)


async def change_provider(request: Request) -> Response:
    wanted, consent, provider = await read(request, ProviderRequest), query(request, Consent), path_id(request)

    def changed(tx: Tx) -> Message:
        if wanted.name is not UNSET:
            stored.rename_provider(tx, provider, wanted.name)
        if wanted.location_id is not UNSET:
            stored.relocate_provider(tx, provider, wanted.location_id)
        _set(tx, provider, wanted)
        record(tx, "changed", "provider", provider)
        return Message("Provider updated.")

    def work(tx: Tx) -> Message | Affected:
        tx.staff()
        if wanted.location_id is not UNSET:
            _place(tx, wanted.location_id)
        lock(tx, provider)
        return carefully(tx, consent, standing.of_providers, [provider], "provider.changed", changed)

    return await decide(request, work, body=[wanted, consent], once=not consent.dry_run)


def _place(tx: Tx, location_id: int | None) -> int:
    """Return the location of a provider, whose closures and zone stay as they are until he is there."""
    place = locations.resolve(tx, location_id)
    if place is None:
        raise UnknownReference("There is no such location.")
    locations.lock_calendar(tx, place)
    return place


def _set(tx: Tx, provider: int, wanted: ProviderRequest) -> None:
    if wanted.services is not UNSET:
        stored.set_services(tx, provider, wanted.services)
    if wanted.hours is not UNSET:
        stored.set_hours(tx, provider, wanted.hours)
    if wanted.own is not UNSET:
        if not stored.set_own(tx, provider, _own(tx, wanted.own)):
            raise ProviderDoesNot("The provider does not perform a service that `own` names.")
        if stored.too_short(tx, provider_id=provider) is not None:
            raise RuleBroken("An own duration is too short for the segments of its service.")


def _own(tx: Tx, own: list[OwnRequest]) -> list[OwnTerms]:
    currencies = stored.currencies(tx, [terms.service_id for terms in own])
    if len(currencies) < len(own):
        raise UnknownReference("There is no such service.")
    return [
        OwnTerms(
            terms.service_id,
            terms.duration,
            None
            if terms.price is None
            else read_minor(terms.price, currencies[terms.service_id], f"/own/{place}/price"),
        )
        for place, terms in enumerate(own)
    ]


async def retire_provider(request: Request) -> Response:
    consent, provider = query(request, Consent), path_id(request)

    def retired(tx: Tx) -> Message:
        stored.retire_provider(tx, provider)
        record(tx, "retired", "provider", provider)
        return Message("Provider retired.")

    def work(tx: Tx) -> Message | Affected:
        tx.admin()
        lock(tx, provider)
        return carefully(tx, consent, standing.of_providers, [provider], "provider.retired", retired)

    return await decide(request, work, body=consent, once=not consent.dry_run)


def lock(tx: Tx, provider: int) -> None:
    """Lock a provider, so that his hours do not change while an appointment lands."""
    if stored.lock_provider(tx, provider) is None:
        raise NotFound("There is no such provider.")


async def availability(request: Request) -> Response:
    day: date = query(request, DayQuery).date
    return await look(request, lambda connection, who: stored.availability(connection, who, day))


async def add_availability(request: Request) -> Response:
    span = await read(request, AvailabilityRequest)

    def work(tx: Tx) -> Created:
        tx.staff()
        provider = stored.lock_provider(tx, span.provider_id)
        if provider is None:
            what = "such provider" if span.provider_id else "default provider: name one in provider_id"
            raise UnknownReference(f"There is no {what}.")
        made = stored.add_availability(tx, provider, span)
        record(tx, "added", "availability", made)
        return Created("Availability added.", made)

    return await decide(request, work, status=201, body=span)


async def remove_availability(request: Request) -> Response:
    span, consent = path_id(request), query(request, Consent)

    def removed(tx: Tx) -> Message:
        if not stored.remove_availability(tx, span):
            raise NotFound("There is no such availability.")
        record(tx, "removed", "availability", span)
        return Message("Availability deleted.")

    def work(tx: Tx) -> Message | Affected:
        tx.staff()
        provider = stored.lock_provider_of_availability(tx, span)
        if provider is None:
            raise NotFound("There is no such availability.")
        in_use = not consent.keep and stored.availability_in_use(tx, span)
        if in_use and not consent.dry_run:
            raise AvailabilityInUse
        found = carefully(tx, consent, standing.of_providers, [provider], "availability.removed", removed)
        if in_use and isinstance(found, Affected) and not found.affected:
            raise AvailabilityInUse  # though other hours hold them all: what would be refused is told
        return found

    return await decide(request, work, body=consent, once=not consent.dry_run)


ONE = "/providers/{id:int}"

routes: list[BaseRoute] = [
    operation("GET", "/providers", providers, LOGIC, "Providers", answer=list[Provider]),
    operation("POST", "/providers", create_provider, LOGIC, "Create", body=NewProvider, answer=Created, status=201),
    operation("PUT", ONE, change_provider, LOGIC, "Change", body=ProviderRequest, query=Consent, answer=Message),
    operation("DELETE", ONE, retire_provider, LOGIC, "Retire", query=Consent, answer=Message),
    operation(
        "GET", "/availability", availability, LOGIC, "Spans of a date", query=DayQuery, answer=list[Availability]
    ),
    operation(
        "POST",
        "/availability",
        add_availability,
        LOGIC,
        "Add a span",
        body=AvailabilityRequest,
        answer=Created,
        status=201,
    ),
    operation(
        "DELETE", "/availability/{id:int}", remove_availability, LOGIC, "Remove a span", query=Consent, answer=Message
    ),
]
