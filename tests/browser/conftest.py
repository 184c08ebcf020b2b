"""Chromium, as it is installed; every page that a test opens is watched for errors and for breaches of the policy."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.support.api import Front
from tests.support.databases import Server
from tests.support.processes import Site, by_itself
from tests.support.salon import PASSWORD, Salon

ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NewPage = Callable[..., Page]
SECONDS = 10_000


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "install Chromium: the browser tests need it"
    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=found, args=ARGS)) as opened,
    ):
        yield opened


@pytest.fixture(scope="session")
def site(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The role `all`: pages and accounts behind one origin."""
    with by_itself(server, tmp_path_factory.mktemp("shop")) as opened:
        yield opened


@pytest.fixture(scope="session")
def shop(site: Site, client: httpx2.Client) -> Salon:
    """A business on it."""
    return Salon(Front(site), client)


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser's console said; a test that expects something takes it out."""
    said: list[str] = []
    yield said
    assert said == []


@pytest.fixture
def new_page(chromium: Browser, site: Site, complaints: list[str]) -> Iterator[NewPage]:
    """Open a browser of one's own: its own cookies, with the options of Playwright's contexts."""
    with ExitStack() as stack:

        def opened(**options: Any) -> Page:
            context: BrowserContext = chromium.new_context(base_url=site.logic.url, locale="en-GB", **options)
            stack.callback(context.close)
            context.set_default_timeout(SECONDS)
            page = context.new_page()
            page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda asked: _local(asked.url, site, complaints))
            return page

        yield opened


def _local(url: str, site: Site, complaints: list[str]) -> None:
    if not url.startswith((f"{site.logic.url}/", "data:", "blob:")):
        complaints.append(f"asked {url}")


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def page(request: pytest.FixtureRequest, new_page: NewPage) -> Page:
    """A browser with JavaScript, and one without."""
    return new_page(java_script_enabled=request.param)


def sign_in(page: Page, email: str, password: str = PASSWORD) -> Page:
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()
    return page
