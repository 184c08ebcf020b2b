"""What the pages need of the application that serves them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec
from starlette.requests import Request

from bookmeup.clients.db import Db, decoded
from bookmeup.pages.csrf import Csrf
from bookmeup.pages.kept import Kept
from bookmeup.schemas.business import Location, Provider
from bookmeup.schemas.services import Service
from bookmeup.web.cookies import Cookies

_SERVICES = msgspec.json.Decoder(list[Service])


@dataclass(frozen=True, slots=True)
class Site:
    """`catalogue` gives the list of services as JSON."""

    db: Db
    catalogue: Callable[[], Awaitable[bytes]]
    cookies: Cookies
    csrf: Csrf
    location: Kept[Location]
    providers: Kept[list[Provider]]

    async def services(self) -> list[Service]:
        return _SERVICES.decode(await self.catalogue())

    async def service(self, wanted: int) -> Service:
        for service in await self.services():
            if service.id == wanted:
                return service
        reply = await self.db.by_itself().get(f"/services/{wanted}")  # it may be hidden: bookable by its link alone
        return decoded(reply, Service)

    async def performers(self, service: int, wanted: int | None = None) -> list[Provider]:
        """Return who performs a service. Whoever is wanted and not in the copy may have come after it was made."""
        found = _performing(await self.providers.read(), service)
        if wanted is None or any(one.id == wanted for one in found):
            return found
        return _performing(await self.providers.read(anew=True), service)


def _performing(providers: list[Provider], service: int) -> list[Provider]:
    return [one for one in providers if one.services is None or service in one.services]


def make(db: Db, catalogue: Callable[[], Awaitable[bytes]], keys: Sequence[str], base_url: str) -> Site:
    return Site(
        db=db,
        catalogue=catalogue,
        cookies=Cookies(base_url),
        csrf=Csrf(keys),
        location=Kept(db, "/location", Location),
        providers=Kept(db, "/providers", list[Provider]),
    )


def site(request: Request) -> Site:
    found: Site = request.app.state.pages
    return found
