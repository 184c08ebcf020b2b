"""The catalogue: read with its version, written by staff."""

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.db.callers import Callers
from bookmeup.db.decide import decide, looked
from bookmeup.db.queries import services as stored
from bookmeup.db.queries.audit import record
from bookmeup.db.transactions import Tx
from bookmeup.domain import money
from bookmeup.errors import Fault, Invalid, NotFound
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.services import NewService, Service, ServiceChange, StoredService
from bookmeup.web.answers import JSON
from bookmeup.web.operations import operation
from bookmeup.web.reading import path_id, read

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
        made = stored.insert(tx, _stored(tx, service))
        record(tx, "created", "service", made)
        return Created("Service created.", made)

    return await decide(request, work, status=201, body=service)


async def change(request: Request) -> Response:
    wanted, service = await read(request, ServiceChange), path_id(request)

    def work(tx: Tx) -> Message:
        tx.staff()
        if not stored.update(tx, service, _stored(tx, wanted)):
            raise NotFound("There is no such service.")
        record(tx, "changed", "service", service)
        return Message("Service updated.")

    return await decide(request, work, body=wanted)


async def remove(request: Request) -> Response:
    service = path_id(request)

    def work(tx: Tx) -> Message:
        tx.staff()
        if not stored.remove(tx, service):
            raise NotFound("There is no such service.")
        record(tx, "removed", "service", service)
        return Message("Service deleted.")

    return await decide(request, work)


def _stored(tx: Tx, service: ServiceChange) -> StoredService:
    """Return the service as it is written: its price read, in the location's currency where it names none."""
    members = msgspec.structs.asdict(service)
    price = members.pop("price")
    if price is not UNSET:
        try:
            read_price = money.parse(price, stored.currency(tx))
        except ValueError as error:
            raise Invalid([Fault("/price", str(error))]) from error
        members |= {"price_minor": read_price.minor, "currency": read_price.currency}
    return StoredService(**members)


routes: list[BaseRoute] = [
    operation("GET", "/services", catalogue, LOGIC, "The catalogue", answer=list[Service]),
    operation("POST", "/services", create, LOGIC, "Create", body=NewService, answer=Created, status=201),
    operation("PUT", "/services/{id:int}", change, LOGIC, "Change", body=ServiceChange, answer=Message),
    operation("DELETE", "/services/{id:int}", remove, LOGIC, "Remove", answer=Message),
]
