"""The location, the providers and what is added to their hours; written by staff, the location by an admin."""

from datetime import date

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.db.callers import Callers
from bookmeup.db.decide import decide, look
from bookmeup.db.queries import business as stored
from bookmeup.db.queries import services
from bookmeup.db.queries.audit import record
from bookmeup.db.transactions import Tx
from bookmeup.errors import AvailabilityInUse, NotFound, UnknownReference
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import DayQuery
from bookmeup.schemas.business import (
    Availability,
    AvailabilityRequest,
    Location,
    LocationChange,
    NewProvider,
    Provider,
    ProviderRequest,
)
from bookmeup.web.operations import operation
from bookmeup.web.reading import path_id, query, read

LOGIC = Callers("logic")


async def location(request: Request) -> Response:
    return await look(request, lambda connection, _: stored.location(connection))


async def change_location(request: Request) -> Response:
    change = await read(request, LocationChange)

    def work(tx: Tx) -> Message:
        tx.admin()
        stored.change_location(tx, change)
        services.touch(tx)
        record(tx, "changed", "location", 1, msgspec.json.encode(change).decode())
        return Message("Location updated.")

    return await decide(request, work, body=change)


async def providers(request: Request) -> Response:
    return await look(request, lambda connection, _: stored.providers(connection))


async def create_provider(request: Request) -> Response:
    wanted = await read(request, NewProvider)

    def work(tx: Tx) -> Created:
        tx.staff()
        made = stored.insert_provider(tx, wanted.name, performs_all=True)
        _set(tx, made, wanted)
        record(tx, "created", "provider", made)
        return Created("Provider created.", made)

    return await decide(request, work, status=201, body=wanted)


async def change_provider(request: Request) -> Response:
    wanted, provider = await read(request, ProviderRequest), path_id(request)

    def work(tx: Tx) -> Message:
        tx.staff()
        _locked(tx, provider)
        if wanted.name is not UNSET:
            stored.rename_provider(tx, provider, wanted.name)
        _set(tx, provider, wanted)
        record(tx, "changed", "provider", provider)
        return Message("Provider updated.")

    return await decide(request, work, body=wanted)


def _set(tx: Tx, provider: int, wanted: ProviderRequest) -> None:
    if wanted.services is not UNSET:
        stored.set_services(tx, provider, wanted.services)
    if wanted.hours is not UNSET:
        stored.set_hours(tx, provider, wanted.hours)


async def retire_provider(request: Request) -> Response:
    provider = path_id(request)

    def work(tx: Tx) -> Message:
        tx.admin()
        _locked(tx, provider)
        stored.retire_provider(tx, provider)
        record(tx, "retired", "provider", provider)
        return Message("Provider retired.")

    return await decide(request, work)


def _locked(tx: Tx, provider: int) -> None:
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
    span = path_id(request)

    def work(tx: Tx) -> Message:
        tx.staff()
        if not stored.lock_provider_of_availability(tx, span):
            raise NotFound("There is no such availability.")
        if stored.availability_in_use(tx, span):
            raise AvailabilityInUse
        if not stored.remove_availability(tx, span):
            raise NotFound("There is no such availability.")
        record(tx, "removed", "availability", span)
        return Message("Availability deleted.")

    return await decide(request, work)


ONE = "/providers/{id:int}"

routes: list[BaseRoute] = [
    operation("GET", "/location", location, LOGIC, "The location", answer=Location),
    operation("PUT", "/location", change_location, LOGIC, "Change it", body=LocationChange, answer=Message),
    operation("GET", "/providers", providers, LOGIC, "Providers", answer=list[Provider]),
    operation("POST", "/providers", create_provider, LOGIC, "Create", body=NewProvider, answer=Created, status=201),
    operation("PUT", ONE, change_provider, LOGIC, "Change", body=ProviderRequest, answer=Message),
    operation("DELETE", ONE, retire_provider, LOGIC, "Retire", answer=Message),
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
    operation("DELETE", "/availability/{id:int}", remove_availability, LOGIC, "Remove a span", answer=Message),
]
