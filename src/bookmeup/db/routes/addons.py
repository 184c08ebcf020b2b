"""What can be added to a service; written by staff."""

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.db.callers import Callers
from bookmeup.db.decide import decide, look
from bookmeup.db.prices import read_minor
from bookmeup.db.queries import addons as stored
from bookmeup.db.queries.audit import record
from bookmeup.db.transactions import Tx
from bookmeup.errors import NotFound
from bookmeup.schemas.addons import Addon, AddonChange, NewAddon
from bookmeup.schemas.answers import Created, Message
from bookmeup.web.operations import operation
from bookmeup.web.reading import path_id, read

LOGIC = Callers("logic")


async def addons(request: Request) -> Response:
    service = path_id(request)

    def found(listed: list[Addon] | None) -> list[Addon]:
        if listed is None:
            raise NotFound("There is no such service.")
        return listed

    return await look(request, lambda connection, _: found(stored.of_service(connection, service)))


async def create(request: Request) -> Response:
    wanted, service = await read(request, NewAddon), path_id(request)

    def work(tx: Tx) -> Created:
        tx.staff()
        currency = _currency(tx, service)
        price = 0 if wanted.price is UNSET else read_minor(wanted.price, currency, "/price")
        longer = 0 if wanted.duration is UNSET else wanted.duration
        made = stored.insert(tx, service, wanted.name, longer, price)
        record(tx, "created", "addon", made)
        return Created("Add-on created.", made)

    return await decide(request, work, status=201, body=wanted)


async def change(request: Request) -> Response:
    wanted, service, addon = await read(request, AddonChange), path_id(request), path_id(request, "addon")

    def work(tx: Tx) -> Message:
        tx.staff()
        currency = _currency(tx, service)
        price = UNSET if wanted.price is UNSET else read_minor(wanted.price, currency, "/price")
        if not stored.change(tx, service, addon, name=wanted.name, duration=wanted.duration, price=price):
            raise NotFound("There is no such add-on.")
        record(tx, "changed", "addon", addon)
        return Message("Add-on updated.")

    return await decide(request, work, body=wanted)


async def remove(request: Request) -> Response:
    service, addon = path_id(request), path_id(request, "addon")

    def work(tx: Tx) -> Message:
        tx.staff()
        if not stored.remove(tx, service, addon):
            raise NotFound("There is no such add-on.")
        record(tx, "removed", "addon", addon)
        return Message("Add-on deleted.")

    return await decide(request, work)


def _currency(tx: Tx, service: int) -> str:
    currency = stored.currency_of(tx, service)
    if currency is None:
        raise NotFound("There is no such service.")
    return currency


ALL = "/services/{id:int}/addons"
ONE = ALL + "/{addon:int}"

routes: list[BaseRoute] = [
    operation("GET", ALL, addons, LOGIC, "Add-ons of a service", answer=list[Addon]),
    operation("POST", ALL, create, LOGIC, "Create", body=NewAddon, answer=Created, status=201),
    operation("PUT", ONE, change, LOGIC, "Change", body=AddonChange, answer=Message),
    operation("DELETE", ONE, remove, LOGIC, "Remove", answer=Message),
]
