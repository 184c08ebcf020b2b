"""The catalogue: read with its version, written by staff."""

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.db.callers import Callers
from bookmeup.db.carefully import carefully
from bookmeup.db.decide import decide, look, looked
from bookmeup.db.prices import read_price
from bookmeup.db.queries import business as providers
from bookmeup.db.queries import services as stored
from bookmeup.db.queries import standing
from bookmeup.db.queries.audit import record
from bookmeup.db.transactions import Tx
from bookmeup.domain.segments import unsound
from bookmeup.errors import Fault, Invalid, NotFound, RuleBroken
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.hours import Affected, Consent
from bookmeup.schemas.services import NewService, Service, ServiceChange, StaffService, StoredService
from bookmeup.web.answers import JSON
from bookmeup.web.operations import operation
from bookmeup.web.reading import path_id, query, read

LOGIC = Callers("logic")


async def catalogue(request: Request) -> Response:
    """Answer 304 where the caller's copy has the version of now."""
    copy = request.headers.get("if-none-match")
    if copy is not None:
        now = _etag(await looked(request, lambda connection, _: stored.version(connection)))
        if now == copy:
            return Response(status_code=304, headers={"ETag": now})
    version, services = await looked(request, lambda connection, _: stored.active(connection))
    return Response(msgspec.json.encode(services), headers={"ETag": _etag(version)}, media_type=JSON)


def _etag(version: int) -> str:
    return f'"c{version}"'


async def create(request: Request) -> Response:
    service = await read(request, NewService)

    def work(tx: Tx) -> Created:
        tx.staff()
        _sound(service.segments, service.duration)
        made = stored.insert(tx, _stored(service, stored.currency(tx)))
        record(tx, "created", "service", made)
        return Created("Service created.", made)

    return await decide(request, work, status=201, body=service)


async def change(request: Request) -> Response:
    wanted, consent, service = await read(request, ServiceChange), query(request, Consent), path_id(request)

    def changed(tx: Tx) -> Message:
        update(tx, service, wanted)
        record(tx, "changed", "service", service)
        return Message("Service updated.")

    def work(tx: Tx) -> Message | Affected:
        tx.staff()
        if wanted.capacity is UNSET and wanted.resource_type is UNSET and not consent.dry_run:
            return changed(tx)  # what else there is was promised to who has booked
        stored.lock_providers(tx, service)
        return carefully(tx, consent, standing.of_services, [service], "service.changed", changed)

    return await decide(request, work, body=[wanted, consent], once=not consent.dry_run)


def update(tx: Tx, service: int, wanted: ServiceChange) -> None:
    """Change what is sold from now on; appointments keep what they were promised."""
    now = stored.lock_terms(tx, service)
    if now is None:
        raise NotFound("There is no such service.")
    duration = now.duration if wanted.duration is UNSET else wanted.duration
    _sound(wanted.segments, duration)
    change = _stored(wanted, stored.currency(tx))
    if duration != now.duration and wanted.segments is UNSET:
        change.segments = None
    if change.currency not in (UNSET, now.currency) and stored.has_prices(tx, service):
        raise RuleBroken("Add-ons or providers have prices in the service's currency: it cannot change.")
    stored.update(tx, service, change)
    if providers.too_short(tx, service_id=service) is not None:
        raise RuleBroken("A provider's own duration is too short for these segments.")


def _sound(segments: list[int] | UnsetType | None, duration: int) -> None:
    """Refuse segments that are not work and processing in turn, or do not add up."""
    fault = None if segments is UNSET else unsound(segments, duration)
    if fault is not None:
        raise Invalid([Fault("/segments", fault)])


async def one(request: Request) -> Response:
    service = path_id(request)
    return await look(request, lambda connection, _: stored.one(connection, service) or _missing())


def _missing() -> object:
    raise NotFound("There is no such service.")


async def every(request: Request) -> Response:
    return await look(request, stored.every)


async def remove(request: Request) -> Response:
    service = path_id(request)

    def work(tx: Tx) -> Message:
        tx.staff()
        if not stored.remove(tx, service):
            raise NotFound("There is no such service.")
        record(tx, "removed", "service", service)
        return Message("Service deleted.")

    return await decide(request, work)


def _stored(service: ServiceChange, currency: str) -> StoredService:
    """Return the service as it is written: its price read, in the location's currency where it names none."""
    members = msgspec.structs.asdict(service)
    price = members.pop("price")
    if price is not UNSET:
        found = read_price(price, currency, "/price")
        members |= {"price_minor": found.minor, "currency": found.currency}
    return StoredService(**members)


routes: list[BaseRoute] = [
    operation("GET", "/services", catalogue, LOGIC, "The catalogue", answer=list[Service]),
    operation("GET", "/services/all", every, LOGIC, "All, for staff", answer=list[StaffService]),
    operation("GET", "/services/{id:int}", one, LOGIC, "One, hidden or not", answer=Service),
    operation("POST", "/services", create, LOGIC, "Create", body=NewService, answer=Created, status=201),
    operation("PUT", "/services/{id:int}", change, LOGIC, "Change", body=ServiceChange, query=Consent, answer=Message),
    operation("DELETE", "/services/{id:int}", remove, LOGIC, "Remove", answer=Message),
]
