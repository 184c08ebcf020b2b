"""What differs from a provider's weekly hours: replaced days and time off; for staff."""

from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.db.callers import Callers
from bookmeup.db.carefully import carefully
from bookmeup.db.decide import decide, look
from bookmeup.db.queries import exceptions as stored
from bookmeup.db.queries import standing
from bookmeup.db.queries.audit import record
from bookmeup.db.routes.business import lock
from bookmeup.db.transactions import Tx
from bookmeup.errors import NotFound
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.hours import Affected, Consent, DayRequest, ProviderDay, TimeOff, TimeOffRequest
from bookmeup.schemas.text import minute
from bookmeup.web.operations import operation
from bookmeup.web.reading import path_date, path_id, query, read

LOGIC = Callers("logic")


async def day(request: Request) -> Response:
    provider, on = path_id(request), path_date(request)
    return await look(request, lambda connection, who: stored.day(connection, who, provider, on))


async def replace_day(request: Request) -> Response:
    wanted, consent, provider = await read(request, DayRequest), query(request, Consent), path_id(request)
    on: date = path_date(request)
    intervals = [(minute(each.start_time), minute(each.end_time)) for each in wanted.intervals]

    def replaced(tx: Tx) -> Message:
        stored.replace_day(tx, provider, on, intervals)
        record(tx, "day_replaced", "provider", provider, f'{{"date": "{on}"}}')
        return Message("Day replaced.")

    def work(tx: Tx) -> Message | Affected:
        tx.staff()
        lock(tx, provider)
        return carefully(tx, consent, standing.of_providers, [provider], "provider.day_replaced", replaced)

    return await decide(request, work, body=[wanted, consent], once=not consent.dry_run)


async def restore_day(request: Request) -> Response:
    consent, provider, on = query(request, Consent), path_id(request), path_date(request)

    def restored(tx: Tx) -> Message:
        if not stored.restore_day(tx, provider, on):
            raise NotFound("This day is not replaced.")
        record(tx, "day_restored", "provider", provider, f'{{"date": "{on}"}}')
        return Message("Day restored.")

    def work(tx: Tx) -> Message | Affected:
        tx.staff()
        lock(tx, provider)
        return carefully(tx, consent, standing.of_providers, [provider], "provider.day_restored", restored)

    return await decide(request, work, body=consent, once=not consent.dry_run)


async def time_off(request: Request) -> Response:
    provider = path_id(request)
    return await look(request, lambda connection, who: stored.time_off(connection, who, provider))


async def add_time_off(request: Request) -> Response:
    wanted, consent, provider = await read(request, TimeOffRequest), query(request, Consent), path_id(request)

    def added(tx: Tx) -> Created:
        made = stored.add_time_off(tx, provider, wanted)
        record(tx, "created", "time_off", made)
        return Created("Time off added.", made)

    def work(tx: Tx) -> Created | Affected:
        tx.staff()
        lock(tx, provider)
        return carefully(tx, consent, standing.of_providers, [provider], "time_off.created", added)

    return await decide(
        request, work, status=200 if consent.dry_run else 201, body=[wanted, consent], once=not consent.dry_run
    )


async def end_time_off(request: Request) -> Response:
    provider, span = path_id(request), path_id(request, "time_off")

    def work(tx: Tx) -> Message:
        tx.staff()
        lock(tx, provider)
        if not stored.end_time_off(tx, provider, span):
            raise NotFound("There is no such time off.")
        record(tx, "removed", "time_off", span)
        return Message("Time off deleted.")

    return await decide(request, work)


DAY = "/providers/{id:int}/days/{date}"
OFF = "/providers/{id:int}/time-off"

routes: list[BaseRoute] = [
    operation("GET", DAY, day, LOGIC, "Hours of a date", answer=ProviderDay),
    operation("PUT", DAY, replace_day, LOGIC, "Replace", body=DayRequest, query=Consent, answer=Message),
    operation("DELETE", DAY, restore_day, LOGIC, "Restore", query=Consent, answer=Message),
    operation("GET", OFF, time_off, LOGIC, "Time off", answer=list[TimeOff]),
    operation("POST", OFF, add_time_off, LOGIC, "Add", body=TimeOffRequest, query=Consent, answer=Created, status=201),
    operation("DELETE", OFF + "/{time_off:int}", end_time_off, LOGIC, "Delete", answer=Message),
]
