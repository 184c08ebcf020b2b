"""The places of the business, written by an admin, and when they are closed, written by staff."""

from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.db.callers import Callers
from bookmeup.db.carefully import carefully
from bookmeup.db.decide import decide, look
from bookmeup.db.queries import business, exceptions, services, standing
from bookmeup.db.queries import locations as stored
from bookmeup.db.queries.audit import record
from bookmeup.db.transactions import Tx
from bookmeup.errors import Fault, Invalid, NotFound, UnknownReference
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.business import Location, LocationChange, LocationMade, NewLocation
from bookmeup.schemas.hours import Affected, Closure, ClosureRequest, ClosuresQuery, Consent
from bookmeup.web.operations import operation
from bookmeup.web.reading import path_id, query, read

LOGIC = Callers("logic")


async def location(request: Request) -> Response:
    return await look(request, lambda connection, _: stored.first(connection))


async def locations(request: Request) -> Response:
    return await look(request, lambda connection, _: stored.every(connection))


async def create(request: Request) -> Response:
    wanted = await read(request, NewLocation)

    def work(tx: Tx) -> LocationMade:
        tx.admin()
        _known_zone(tx, wanted)
        made = stored.insert(tx, wanted)
        provider = business.insert_provider(tx, wanted.name, made)
        record(tx, "created", "location", made, msgspec.json.encode({"provider_id": provider}).decode())
        return LocationMade("Location created.", made, provider)

    return await decide(request, work, status=201, body=wanted)


async def change(request: Request) -> Response:
    return await _changed(request, None)


async def change_one(request: Request) -> Response:
    return await _changed(request, path_id(request))


async def _changed(request: Request, location_id: int | None) -> Response:
    wanted, consent = await read(request, LocationChange), query(request, Consent)

    def work(tx: Tx) -> Message | Affected:
        tx.admin()
        _known_zone(tx, wanted)
        found = stored.resolve(tx, location_id)
        if found is None:
            raise NotFound("There is no such location.")
        providers = [] if wanted.timezone is UNSET else stored.lock_all(tx, found)
        return carefully(
            tx, consent, standing.of_providers, providers, "location.changed", lambda tx: written(tx, found, wanted)
        )

    return await decide(request, work, body=[wanted, consent], once=not consent.dry_run)


def _known_zone(tx: Tx, wanted: LocationChange) -> None:
    """Refuse a zone that PostgreSQL could not count in."""
    if wanted.timezone is not UNSET and not stored.knows_zone(tx, wanted.timezone):
        raise Invalid([Fault("/timezone", "is not an IANA zone")])


def written(tx: Tx, location_id: int, wanted: LocationChange) -> Message:
    stored.change(tx, location_id, wanted)
    services.touch(tx)
    record(tx, "changed", "location", location_id, msgspec.json.encode(wanted).decode())
    return Message("Location updated.")


async def closures(request: Request) -> Response:
    asked = query(request, ClosuresQuery)
    return await look(request, lambda connection, _: exceptions.closures(connection, asked.location_id))


async def close(request: Request) -> Response:
    wanted, consent = await read(request, ClosureRequest), query(request, Consent)

    def work(tx: Tx) -> Created | Affected:
        tx.staff()
        place = stored.resolve(tx, wanted.location_id)
        if place is None:
            raise UnknownReference("There is no such location.")
        providers = stored.lock_all(tx, place)

        def closed(tx: Tx) -> Created:
            made = exceptions.close(tx, place, wanted)
            record(tx, "created", "closure", made)
            return Created("Closure added.", made)

        return carefully(tx, consent, standing.of_providers, providers, "closure.created", closed)

    return await decide(
        request, work, status=200 if consent.dry_run else 201, body=[wanted, consent], once=not consent.dry_run
    )


async def reopen(request: Request) -> Response:
    closure = path_id(request)

    def work(tx: Tx) -> Message:
        tx.staff()
        place = exceptions.location_of_closure(tx, closure)
        if place is not None:
            stored.lock_all(tx, place)
        if not exceptions.reopen(tx, closure):
            raise NotFound("There is no such closure.")
        record(tx, "removed", "closure", closure)
        return Message("Closure deleted.")

    return await decide(request, work)


CAREFUL: dict[str, Any] = {"query": Consent, "answer": Message}

routes: list[BaseRoute] = [
    operation("GET", "/location", location, LOGIC, "The first location", answer=Location),
    operation("PUT", "/location", change, LOGIC, "Change it", body=LocationChange, **CAREFUL),
    operation("GET", "/locations", locations, LOGIC, "Locations", answer=list[Location]),
    operation("POST", "/locations", create, LOGIC, "Create", body=NewLocation, answer=LocationMade, status=201),
    operation("PUT", "/locations/{id:int}", change_one, LOGIC, "Change", body=LocationChange, **CAREFUL),
    operation("GET", "/closures", closures, LOGIC, "Closures", query=ClosuresQuery, answer=list[Closure]),
    operation(
        "POST", "/closures", close, LOGIC, "Close", body=ClosureRequest, query=Consent, answer=Created, status=201
    ),
    operation("DELETE", "/closures/{id:int}", reopen, LOGIC, "Reopen", answer=Message),
]
