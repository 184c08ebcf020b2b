"""All that reads what grows, asked of db once, with values as people give them."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import URL
from tests.support.busy import DAY
from tests.support.inside import Actor, Inside, Statement, number_in, written_down
from tests.support.salon import unique

from bookmeup.clients.db import decoded
from bookmeup.db.engine import connect
from bookmeup.db.lanes import Lane
from bookmeup.db.outbox import Outbox
from bookmeup.db.outbox_lag import OutboxLag
from bookmeup.db.queries.rate_limits import LOGIN
from bookmeup.domain.users import UserRole
from bookmeup.errors import Refusal
from bookmeup.schemas.appointments import (
    AppointmentPage,
    AppointmentRequest,
    DayQuery,
    DaysQuery,
    HoldRequest,
    Move,
    NextQuery,
    SlotsQuery,
    StaffExplainQuery,
    Why,
)
from bookmeup.schemas.business import AvailabilityRequest, NewResource, ProviderRequest, ResourceRequest
from bookmeup.schemas.hours import ClosureRequest, ClosuresQuery, Consent
from bookmeup.schemas.services import ServiceChange
from bookmeup.schemas.together import SeriesRequest, VisitRequest, VisitService, VisitSlotsQuery
from bookmeup.schemas.users import LoginAttempt, NewSession, RoleChange
from bookmeup.schemas.waitlist import Offer, Position, WishRequest

FREE = "14:30"
"""On DAY, with each of the providers; so are 40 minutes later, and so on."""


class Cast(NamedTuple):
    """Who asks, whose time is asked for, and what for."""

    customer: Actor
    admin: Actor
    provider: int
    service: int


async def everything(db: Inside, cast: Cast) -> None:
    for part in (_appointments, _starts, _together, _business, _accounts, _waitlist):
        await part(db, cast)


async def _appointments(db: Inside, cast: Cast) -> None:
    own, theirs, key = db.by(cast.customer), db.by(cast.admin), unique()
    order = AppointmentRequest(DAY, service_id=cast.service, time=FREE)
    made = number_in(await db.by(cast.customer, key=key).post("/appointments", order))
    await db.by(cast.customer, key=key).post("/appointments", order)
    await own.get("/appointments/mine", AppointmentPage(51))
    await own.get(f"/appointments/{made}")
    await theirs.get("/appointments", AppointmentPage(51))
    await theirs.get("/appointments", AppointmentPage(51, DAY))
    await theirs.get("/appointments", AppointmentPage(51, after_at=datetime.now(UTC), after_id=1))
    await own.put(f"/appointments/mine/{made}", Move(DAY, "15:10"))
    await own.get(f"/appointments/{made}/history")
    await theirs.post(f"/appointments/{made}/decline", Why())
    held = number_in(await own.post("/holds", HoldRequest(DAY, service_id=cast.service, time=FREE)))
    await own.delete(f"/holds/{held}")


async def _starts(db: Inside, cast: Cast) -> None:
    own, service, week = db.by(cast.customer), cast.service, timedelta(days=7)
    await own.get("/slots", SlotsQuery(DAY, service))
    await own.get("/slots/days", DaysQuery(DAY - week, DAY + week, service))
    await own.get("/slots/next", NextQuery(service))
    await own.get("/visit-slots", VisitSlotsQuery(DAY, f"{service},{service}"))
    await db.by(cast.admin).get("/slots/verdicts", StaffExplainQuery(DAY, FREE, service))


async def _together(db: Inside, cast: Cast) -> None:
    own = db.by(cast.customer)
    series = SeriesRequest(DAY, service_id=cast.service, time=FREE, rule="FREQ=DAILY;COUNT=1")
    visit = VisitRequest(DAY, time=FREE, services=[VisitService(cast.service)])
    for kind, order in (("series", series), ("visits", visit)):
        made = number_in(await own.post(f"/{kind}", order))
        await own.get(f"/{kind}/{made}")
        await own.delete(f"/{kind}/{made}")


async def _business(db: Inside, cast: Cast) -> None:
    theirs, trial = db.by(cast.admin), Consent(dry_run=1)
    await theirs.get("/availability", DayQuery(DAY))
    span = AvailabilityRequest(DAY + timedelta(days=1), "10:00", "11:00", cast.provider)
    with contextlib.suppress(Refusal):  # it is in use
        await theirs.delete(f"/availability/{number_in(await theirs.post('/availability', span))}")
    await theirs.get(f"/providers/{cast.provider}/days/{DAY}")
    await theirs.get(f"/providers/{cast.provider}/time-off")
    await theirs.put(f"/providers/{cast.provider}", ProviderRequest(hours=[]), trial)
    await theirs.get("/resources")
    room = number_in(await theirs.post("/resources", NewResource(name="Room", type="room")))
    await theirs.put(f"/resources/{room}", ResourceRequest(name="Chamber"), trial)
    await theirs.get("/services/all")
    await theirs.put(f"/services/{cast.service}", ServiceChange(capacity=1), trial)
    closed = datetime.now(UTC).replace(microsecond=0)
    closure = number_in(await theirs.post("/closures", ClosureRequest(closed, closed + timedelta(hours=1))))
    await theirs.get("/closures", ClosuresQuery())
    await theirs.delete(f"/closures/{closure}")


async def _accounts(db: Inside, cast: Cast) -> None:
    auth = db.by(service="auth")
    with contextlib.suppress(Refusal):
        for _ in range(LOGIN.tries + 1):
            await auth.post("/login-attempts", LoginAttempt("1@c.example", "192.0.2.1"))
    await auth.post("/sessions", NewSession(cast.customer.id, 60))
    await auth.get(f"/users/{cast.customer.id}/sessions/{cast.customer.sid}")
    await db.by(cast.customer).get("/users/me")
    await db.by(cast.admin, service="auth").get("/users")
    role = f"/users/{cast.admin.id}/role"
    await db.by(cast.admin, service="auth").put(role, RoleChange(UserRole.ADMIN))


async def _waitlist(db: Inside, cast: Cast) -> None:
    own, theirs = db.by(cast.customer), db.by(cast.admin)
    wish = WishRequest(cast.service, DAY, DAY, cast.provider, start_time=FREE, end_time="15:00")
    withdrawn = number_in(await own.post("/waitlist", wish))
    await own.delete(f"/waitlist/{withdrawn}")
    await own.post("/waitlist", wish)
    for who in (own, theirs):
        await who.get("/waitlist", Position())
    await theirs.get("/dead-letters", Position())


async def accepted(db: Inside, cast: Cast) -> None:
    """Take what the waitlist offers, once the work that waits is done."""
    own = db.by(cast.customer)
    for offer in decoded(await own.get("/offers"), list[Offer]):
        await own.post(f"/offers/{offer.id}/accept")


@contextlib.contextmanager
def worked_off(url: URL) -> Iterator[list[Statement]]:
    """Do all that is done beside the calls, and give what was asked for it."""
    database = connect(url)
    lane = Lane("test", 1)
    with written_down(database.background) as found:
        outbox = Outbox(database, lane)
        while outbox.round():
            pass
        outbox._sweep()  # noqa: SLF001 - what it does every hour
        OutboxLag(database, lane)._look()  # noqa: SLF001 - what it does for ever
    yield found
    database.drop_idle()
