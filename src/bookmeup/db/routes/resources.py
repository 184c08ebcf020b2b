"""Rooms, chairs and devices; for staff."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.db.callers import Callers
from bookmeup.db.carefully import carefully
from bookmeup.db.decide import decide, look
from bookmeup.db.queries import resources as stored
from bookmeup.db.queries import standing
from bookmeup.db.queries.audit import record
from bookmeup.db.transactions import Tx
from bookmeup.errors import NotFound
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.business import NewResource, Resource, ResourceRequest
from bookmeup.schemas.hours import Affected, Consent
from bookmeup.web.operations import operation
from bookmeup.web.reading import path_id, query, read

LOGIC = Callers("logic")


async def resources(request: Request) -> Response:
    return await look(request, stored.every)


async def create(request: Request) -> Response:
    wanted = await read(request, NewResource)

    def work(tx: Tx) -> Created:
        tx.staff()
        made = stored.insert(tx, wanted)
        record(tx, "created", "resource", made)
        return Created("Resource created.", made)

    return await decide(request, work, status=201, body=wanted)


async def change(request: Request) -> Response:
    wanted, consent, resource = await read(request, ResourceRequest), query(request, Consent), path_id(request)

    def changed(tx: Tx) -> Message:
        stored.change(tx, resource, wanted)
        record(tx, "changed", "resource", resource)
        return Message("Resource updated.")

    def work(tx: Tx) -> Message | Affected:
        _lock(tx, resource)
        return carefully(tx, consent, standing.of_resources, [resource], "resource.changed", changed)

    return await decide(request, work, body=[wanted, consent], once=not consent.dry_run)


async def retire(request: Request) -> Response:
    consent, resource = query(request, Consent), path_id(request)

    def retired(tx: Tx) -> Message:
        stored.retire(tx, resource)
        record(tx, "retired", "resource", resource)
        return Message("Resource retired.")

    def work(tx: Tx) -> Message | Affected:
        _lock(tx, resource)
        return carefully(tx, consent, standing.of_resources, [resource], "resource.retired", retired)

    return await decide(request, work, body=consent, once=not consent.dry_run)


def _lock(tx: Tx, resource: int) -> None:
    tx.staff()
    if not stored.lock(tx, resource):
        raise NotFound("There is no such resource.")


ONE = "/resources/{id:int}"

routes: list[BaseRoute] = [
    operation("GET", "/resources", resources, LOGIC, "Rooms, chairs, devices", answer=list[Resource]),
    operation("POST", "/resources", create, LOGIC, "Create", body=NewResource, answer=Created, status=201),
    operation("PUT", ONE, change, LOGIC, "Change", body=ResourceRequest, query=Consent, answer=Message),
    operation("DELETE", ONE, retire, LOGIC, "Retire", query=Consent, answer=Message),
]
