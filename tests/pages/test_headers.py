"""What every page promises: no foreign or inline code, no copy in a cache, no change by looking."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.routing import Route
from tests.pages.visitor import Visitor
from tests.support.databases import engine
from tests.support.processes import Site
from tests.support.salon import Salon

import bookmeup.pages
from bookmeup.pages.routes import pages
from bookmeup.web.openapi import operations

TEMPLATES = sorted((Path(bookmeup.pages.__path__[0]) / "templates").iterdir())
SUM = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t"
SCRIPTED = ("/docs",)


@pytest.fixture
def paths(shop: Salon, ana: Visitor) -> list[str]:
    """Every page there is, with something on it."""
    service, day = shop.make_service(), shop.open_day()
    ana.go(f"/book/{service}/confirm?date={day}&time=09:00").send("Book it")
    cancel = next(path for name, path in ana.page.links.items() if name.startswith("Cancel "))
    confirm = f"/book/{service}/confirm?date={day}&time=10:00"
    return ["/", "/sign-in", "/sign-up", f"/book/{service}", confirm, "/my", cancel, "/docs", "/book/0", "/nowhere"]


def test_every_page_has_the_policy_and_is_not_stored(ana: Visitor, paths: list[str]) -> None:
    for path in paths:
        headers = ana.go(path).page.answered.headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self';"), path
        assert "unsafe" not in policy, path
        assert ("script-src" in policy) == (path in SCRIPTED), path
        assert headers["cache-control"] == "no-store", path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
        assert "frame-ancestors 'none'" in policy, path


def test_the_list_above_has_every_page(paths: list[str]) -> None:
    known = [re.sub(r"\d+", "{id:int}", path.partition("?")[0]) for path in paths]
    shown = [route.path for route in pages if isinstance(route, Route) and "GET" in (route.methods or ())]
    files = {"/openapi.json", "/static/{name}"}
    assert set(shown) - files <= set(known)
    assert not operations(pages), "pages are not part of the API"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_code(template: Path) -> None:
    source = template.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe", source)


def test_looking_changes_nothing(ana: Visitor, paths: list[str], site: Site) -> None:
    before = _sums(site)
    for path in paths:
        ana.go(path)
        ana.client.head(path)
    assert _sums(site) == before


def _sums(site: Site) -> dict[str, str]:
    """Return a checksum of every table's rows, but for those that processes write by themselves."""
    tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    with engine(site.database).connect() as connection:
        names = [name for name in connection.scalars(text(tables)) if name not in ("outbox", "signing_keys")]
        return {name: str(connection.scalar(text(SUM.format(name)))) for name in names}
