from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import httpx2
import pytest
from tests.pages.visitor import Visitor
from tests.support.api import Front
from tests.support.databases import Server
from tests.support.processes import Site, by_itself
from tests.support.salon import PASSWORD, Salon

NewVisitor = Callable[[], Visitor]


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
def new_visitor(site: Site) -> Iterator[NewVisitor]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Visitor(site.logic.url)))


@pytest.fixture
def visitor(new_visitor: NewVisitor) -> Visitor:
    """Somebody who is not signed in."""
    return new_visitor()


@pytest.fixture
def ana(new_visitor: NewVisitor, shop: Salon) -> Visitor:
    """A customer who is signed in."""
    return signed_in(new_visitor(), shop)


def signed_in(visitor: Visitor, shop: Salon) -> Visitor:
    return visitor.sign_in(shop.make_customer().email, PASSWORD)
