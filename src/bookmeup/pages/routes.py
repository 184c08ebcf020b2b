"""All routes of the pages, served by logic."""

from starlette.routing import BaseRoute

from bookmeup.pages import api, assets, book, home, mine

pages: list[BaseRoute] = [*home.routes, *book.routes, *mine.routes, *api.routes, *assets.routes]
