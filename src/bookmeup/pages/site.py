"""What the pages need of the application that serves them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec
from starlette.requests import Request

from bookmeup.clients.db import Db
from bookmeup.errors import NotFound
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
        raise NotFound("There is no such service, or it is not offered any more.")

    async def performers(self, service: int) -> list[Provider]:
        """Return who performs a service."""
        return [one for one in await self.providers.read() if one.services is None or service in one.services]


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
